import assert from "node:assert/strict";
import { UserOptionService } from "../../src/gen/users/v1/user_option_service_pb.ts";
import type { Row } from "../bench.ts";
import { seededOptions } from "../seed.ts";
import { prepareRead } from "./read.ts";

/** Enough to keep any server busy. */
const shape = { connections: 4, streams: 25 };

/** GetOption of an option that is stored. h2load sends one body only, so there it is one user; our client takes all users in turn. */
export const getOption: Row = {
  name: "get_option",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: 1,
  prepare: (bench) =>
    prepareRead(
      bench,
      UserOptionService.method.getOption,
      shape,
      bench.seed.userIds.map((userId) => ({ userId, key: "timezone" })),
      ({ found, option, value }) => {
        assert.equal(found, true);
        assert.equal(option?.userId, bench.seed.userIds[0]);
        assert.deepEqual(value?.kind, { case: "stringValue", value: seededOptions.timezone });
      },
    ),
};
