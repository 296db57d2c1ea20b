import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { LookupStatus, type UserKeySchema, UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import type { Row } from "../bench.ts";
import { prepareRead } from "./read.ts";

const KEYS = 100;

/** A user by its id, its username or its address, in turn; every tenth key is nobody's. The seed's usernames are its addresses. */
const keyOf = (id: bigint, index: number): MessageInitShape<typeof UserKeySchema> => {
  const email = `bench-${index % 10 === 9 ? "nobody" : index}@example.com`;
  if (index % 3 === 0) return { key: { case: "id", value: id } };
  return index % 3 === 1 ? { key: { case: "username", value: email } } : { key: { case: "email", value: email.toUpperCase() } };
};

/** LookupUsers by 100 mixed keys, on hits. */
export const lookupUsers: Row = {
  name: "lookup_users",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: 1,
  prepare: (bench) =>
    prepareRead(bench, {
      method: UserService.method.lookupUsers,
      shape: { connections: 4, streams: 5 },
      requests: [{ keys: bench.seed.userIds.slice(0, KEYS).map(keyOf) }],
      check: ({ results }) => {
        assert.equal(results.length, KEYS);
        assert(results.filter(({ status }) => status === LookupStatus.FOUND).length > KEYS * 0.8);
      },
    }),
};
