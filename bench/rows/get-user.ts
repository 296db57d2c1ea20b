import assert from "node:assert/strict";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import type { Row } from "../bench.ts";
import { prepareRead } from "./read.ts";

/** GetUser, in full, on a hit. */
export const getUser: Row = {
  name: "get_user",
  yardstick: "bare grpc-js, same bytes",
  goal: { atLeast: 0.8 },
  valuesPerCall: 1,
  prepare: (bench) =>
    prepareRead(bench, {
      method: UserService.method.getUser,
      shape: { connections: 4, streams: 25 },
      requests: bench.seed.userIds.map((id) => ({ id })),
      check: ({ user }) => {
        assert.equal(user?.id, bench.seed.userIds[0]);
        assert.equal(user?.emails.length, 1);
      },
    }),
};
