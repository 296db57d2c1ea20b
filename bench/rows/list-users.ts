import assert from "node:assert/strict";
import { UserService } from "../../src/gen/users/v1/user_service_pb.ts";
import type { Row } from "../bench.ts";
import { prepareRead } from "./read.ts";

const PAGE = 50;

/** ListUsers: a page of 50. */
export const listUsers: Row = {
  name: "list_users",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: 1,
  prepare: (bench) =>
    prepareRead(bench, UserService.method.listUsers, { connections: 4, streams: 5 }, [{ pageSize: PAGE }], ({ users, nextPageToken }) => {
      assert.equal(users.length, PAGE);
      assert.notEqual(nextPageToken, "");
    }),
};
