import assert from "node:assert/strict";
import { UserOptionService } from "../../src/gen/users/v1/user_option_service_pb.ts";
import type { Row } from "../bench.ts";
import { seededOptions, withAllOptions as users } from "../seed.ts";
import { prepareRead } from "./read.ts";

/** Few: a batch is a hundred calls' worth of work, and one that waits behind a hundred others passes its deadline of 1 s. */
const shape = { connections: 4, streams: 2 };

const keys = Object.keys(seededOptions);

/** BatchGetOptions of 100 users × 5 keys, all stored. */
export const batchGetOptions: Row = {
  name: "batch_get_options",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: users * keys.length,
  prepare: (bench) => {
    const userIds = bench.seed.userIds.slice(0, users);
    return prepareRead(bench, UserOptionService.method.batchGetOptions, shape, [{ userIds, keys }], ({ results }) => {
      assert.deepEqual(
        results.map(({ userId }) => userId),
        userIds,
      );
      for (const { options } of results) assert.equal(options.length, keys.length);
    });
  },
};
