import assert from "node:assert/strict";
import { UserService } from "../../src/gen/users/v1/user_service_pb.ts";
import type { Row } from "../bench.ts";
import { prepareRead } from "./read.ts";

/** GetUser, in full. */
export const getUser: Row = {
  name: "get_user",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: 1,
  prepare: (bench) =>
    prepareRead(
      bench,
      UserService.method.getUser,
      { connections: 4, streams: 25 },
      bench.seed.userIds.map((id) => ({ id })),
      ({ user }) => {
        assert.equal(user?.id, bench.seed.userIds[0]);
        assert.equal(user?.emails.length, 1);
      },
    ),
};
