import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { connectUserd } from "../../clients/typescript/src/connect.ts";
import { type NearCache, openNearCache } from "../../clients/typescript/src/near-cache/near-cache.ts";
import type { Bench, Prepared, Row } from "../bench.ts";
import type { Side } from "../rounds.ts";

/** Reads between two turns of the event loop, in which the feed is heard. */
const BATCH = 5_000;

/** A side that runs in this process. */
const loop =
  (read: (index: number) => unknown): Side =>
  async ({ seconds }) => {
    const began = performance.now();
    let calls = 0;
    while (performance.now() - began < seconds * 1_000) {
      for (let index = 0; index < BATCH; index += 1) read(calls + index);
      calls += BATCH;
      await setImmediate();
    }
    return { calls, callsPerSecond: (calls * 1_000) / (performance.now() - began) };
  };

/** A near cache that holds the time zone of every user of the seed. */
const fill = async ({ service, seed }: Bench): Promise<{ near: NearCache } & AsyncDisposable> => {
  const userd = connectUserd({ address: service.grpcAddress });
  const near = openNearCache(userd);
  await near.live();
  const isKept = (userId: bigint) => !(near.options.get(userId, "timezone") instanceof Promise);
  // Answers from before the stream began are not kept.
  while (!seed.userIds.every(isKept)) for (const userId of seed.userIds) await near.options.get(userId, "timezone");
  const dispose = async () => {
    near.close();
    userd.close();
  };
  return { near, [Symbol.asyncDispose]: dispose };
};

const prepare = async (bench: Bench, yardstickOf: (near: NearCache, userIds: readonly bigint[]) => Side): Promise<Prepared> => {
  const { userIds } = bench.seed;
  const filled = await fill(bench);
  const { near } = filled;
  let misses = 0;
  const userd = loop((index) => {
    const got = near.options.get(userIds[index % userIds.length] as bigint, "timezone");
    if (got instanceof Promise) misses += 1;
    else assert.equal(got.found, true);
  });
  return {
    userd,
    yardstick: yardstickOf(near, userIds),
    load: "reads in turn by this process, of which each makes its key",
    details: () => ({ misses }),
    [Symbol.asyncDispose]: () => filled[Symbol.asyncDispose](),
  };
};

/** Hits of the near cache in TypeScript, against the least that a program can do. */
export const nearCache: Row = {
  name: "near_cache",
  yardstick: "a plain Map, with a key of the same parts",
  goal: { atLeast: 0.25 },
  valuesPerCall: 1,
  prepare: (bench) =>
    prepare(bench, (_, userIds) => {
      const plain = new Map(userIds.map((userId) => [`${userId}///timezone`, { found: true }]));
      return loop((index) => assert.equal(plain.get(`${userIds[index % userIds.length]}///timezone`)?.found, true));
    }),
};

/** The same, against the call that a hit saves. */
export const nearCacheCall: Row = {
  name: "near_cache_call",
  yardstick: "GetOption over gRPC by the same client, 32 in flight",
  valuesPerCall: 1,
  prepare: async (bench) => {
    const userd = connectUserd({ address: bench.service.grpcAddress });
    const calls: Side = async ({ seconds }) => {
      const began = performance.now();
      let done = 0;
      const caller = async () => {
        while (performance.now() - began < seconds * 1_000) {
          await userd.options.getOption({ userId: bench.seed.userIds[done % bench.seed.userIds.length] as bigint, key: "timezone" });
          done += 1;
        }
      };
      await Promise.all(Array.from({ length: 32 }, caller));
      return { calls: done, callsPerSecond: (done * 1_000) / (performance.now() - began) };
    };
    const prepared = await prepare(bench, () => calls);
    const dispose = async () => {
      userd.close();
      await prepared[Symbol.asyncDispose]();
    };
    return { ...prepared, [Symbol.asyncDispose]: dispose };
  },
};
