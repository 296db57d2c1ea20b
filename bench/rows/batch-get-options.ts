import assert from "node:assert/strict";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import type { Bench, Row } from "../bench.ts";
import { watchCacheUse } from "../cache-use.ts";
import { seededOptions, withAllOptions as users } from "../seed.ts";
import { readOption } from "./get-option.ts";
import { prepareRead, type Read, targetOf, userdSide } from "./read.ts";

/** Few: a batch is a hundred calls' worth of work, and one that waits behind a hundred others passes its deadline of 1 s. */
const shape = { connections: 4, streams: 2 };

const keys = Object.keys(seededOptions);
const values = users * keys.length;

const readBatch = ({ seed }: Bench): Read<typeof UserOptionService.method.batchGetOptions> => {
  const userIds = seed.userIds.slice(0, users);
  return {
    method: UserOptionService.method.batchGetOptions,
    shape,
    requests: [{ userIds, keys }],
    check: ({ results }) => {
      assert.deepEqual(
        results.map(({ userId }) => userId),
        userIds,
      );
      for (const { options } of results) assert.equal(options.length, keys.length);
    },
  };
};

/** BatchGetOptions of 100 users × 5 keys, all stored. */
export const batchGetOptions: Row = {
  name: "batch_get_options",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: values,
  prepare: (bench) => prepareRead(bench, readBatch(bench)),
};

/** The same in values, against as many values by one GetOption each: what a batch saves. */
export const batchValues: Row = {
  name: "batch_values",
  yardstick: `GetOption (userd too); ${values} calls count as one`,
  goal: { atLeast: 5 },
  valuesPerCall: values,
  prepare: async (bench) => {
    const { service, load } = bench;
    const [{ target: batch }, { target: single }] = [await targetOf(service, readBatch(bench)), await targetOf(service, readOption(bench))];
    const use = watchCacheUse(
      service,
      userdSide(service, (options) => load.run(batch, options), batch.path),
      "hits",
    );
    const singles = userdSide(service, (options) => load.run(single, options), single.path);
    return {
      userd: use.side,
      yardstick: async (options) => {
        const result = await singles(options);
        return { ...result, callsPerSecond: result.callsPerSecond / values };
      },
      load: `${shape.connections} × ${shape.streams} batches, ${single.connections} × ${single.streams} single calls in flight by ${load.name}`,
      details: () => ({ hit_share: use.hitShare() }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};
