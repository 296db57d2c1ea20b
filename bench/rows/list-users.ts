import assert from "node:assert/strict";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import type { Row } from "../bench.ts";
import { prepareRead } from "./read.ts";

const PAGE = 50;

/** ListUsers: a page of 50. Lists are not read through the cache: each call is a statement. */
export const listUsers: Row = {
  name: "list_users",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: 1,
  prepare: (bench) =>
    prepareRead(
      bench,
      {
        method: UserService.method.listUsers,
        shape: { connections: 4, streams: 5 },
        requests: [{ pageSize: PAGE }],
        check: ({ users, nextPageToken }) => {
          assert.equal(users.length, PAGE);
          assert.notEqual(nextPageToken, "");
        },
      },
      { uncached: true },
    ),
};
