import assert from "node:assert/strict";
import pg from "pg";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import type { Row } from "../bench.ts";
import { seededOptions } from "../seed.ts";
import { prepareRead } from "./read.ts";

/** One at a time: a call is a thousand calls' worth of work. */
const shape = { connections: 1, streams: 1 };

const users = 1_000;
const keys = Object.keys(seededOptions);

/**
 * Gives all users what the first ones have. Then statistics: a new table has none until PostgreSQL finds the time, and
 * without them it joins by nested loops.
 */
const storeAll = async (url: string, userIds: readonly bigint[]): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(
    `insert into user_option (user_id, scope_kind, scope_id, key, value)
      select u, 0, 0, key, value from unnest($1::bigint[]) u, jsonb_each($2::jsonb) on conflict do nothing`,
    [userIds.map(String), JSON.stringify(seededOptions)],
  );
  await client.query("analyze users, user_option");
  await client.end();
};

/** BatchGetOptions of 1,000 users × 5 keys: the most users that one call takes. */
export const batchGetOptions1000: Row = {
  name: "batch_get_options_1000x5",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: users * keys.length,
  prepare: async (bench) => {
    const userIds = bench.seed.userIds.slice(0, users);
    await storeAll(bench.service.databaseUrl, userIds);
    return prepareRead(bench, {
      method: UserOptionService.method.batchGetOptions,
      shape,
      requests: [{ userIds, keys }],
      check: ({ results }) => {
        assert.equal(results.length, users);
        for (const { options } of results) assert.equal(options.length, keys.length);
      },
    });
  },
};
