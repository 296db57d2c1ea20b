import assert from "node:assert/strict";
import pg from "pg";
import { UserOptionService } from "../../src/gen/users/v1/user_option_service_pb.ts";
import type { Row } from "../bench.ts";
import { seededOptions } from "../seed.ts";
import { prepareRead } from "./read.ts";

/** One at a time: a call is a thousand calls' worth of work. */
const shape = { connections: 1, streams: 1 };

const users = 1_000;
const keys = Object.keys(seededOptions);

/** A new table has no statistics until PostgreSQL finds the time: without them it joins by nested loops. */
const analyze = async (url: string): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query("analyze users, user_option");
  await client.end();
};

/** BatchGetOptions of 1,000 users × 5 keys: the most users that one call takes. */
export const batchGetOptions1000: Row = {
  name: "batch_get_options_1000x5",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: users * keys.length,
  prepare: async (bench) => {
    await analyze(bench.service.databaseUrl);
    const userIds = bench.seed.userIds.slice(0, users);
    return prepareRead(bench, UserOptionService.method.batchGetOptions, shape, [{ userIds, keys }], ({ results }) => {
      assert.equal(results.length, users);
      for (const { options } of results) assert(options.length > 0);
    });
  },
};
