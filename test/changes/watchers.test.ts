import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { compileFilter } from "../../src/changes/change-filter.ts";
import type { FeedChange } from "../../src/changes/feed-change.ts";
import { createWatchers } from "../../src/changes/watchers.ts";
import { outOfRange } from "../../src/errors.ts";
import { ChangeFilterSchema, ChangeSchema } from "../../src/gen/userd/v1/change_pb.ts";
import { createRandom } from "../fuzz/random.ts";

const changeAt = (position: bigint, user: number): FeedChange => ({
  ...{ position, kind: "users", key: String(user), operation: "update", aggregateKind: "user", aggregate: `user/${user}` },
  message: () => create(ChangeSchema),
});

/** Turns of the event loop, in which others go on. */
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
};

/** Watchers that come and go while changes arrive, some of everything and some of a few users: what each was given. */
const runSchedule = async (seed: string) => {
  const random = createRandom(seed);
  const log: FeedChange[] = [];
  const latency = async <T>(answer: () => T): Promise<T> => {
    await turns(random.below(4));
    const found = answer();
    await turns(random.below(4));
    return found;
  };
  const read = (after: bigint, limit: number) => latency(() => log.slice(Number(after), Number(after) + Math.min(limit, 7)));
  const watchers = createWatchers(
    {
      read,
      readOf: (aggregates, after, upTo) =>
        latency(() => log.filter(({ position, aggregate }) => position > after && position <= upTo && aggregates.includes(aggregate))),
      expired: () => Promise.resolve(outOfRange("POSITION_EXPIRED", "It is gone.")),
      failed: (error) => expect.fail(String(error)),
    },
    1_000,
  );
  const learn = () => watchers.learn({ epoch: "one", position: BigInt(log.length), time: log.length });
  learn();
  const checks: Promise<string>[] = [];
  const watch = async (users: readonly number[], rounds: number): Promise<string> => {
    // As a stream that begins behind a position that the sequencer told a moment ago.
    const start = BigInt(Math.max(0, log.length - random.below(5)));
    const filter = users.length === 0 ? undefined : create(ChangeFilterSchema, { userIds: users.map(BigInt) });
    const watcher = watchers.add(compileFilter(filter), start);
    const given: bigint[] = [];
    let [position, vouched] = [start, 0];
    for (let round = 0; round < rounds || position < BigInt(vouched); round += 1) {
      const batch = await watcher.next(random.below(3), new AbortController().signal);
      given.push(...batch.changes.map((change) => change.position));
      position = batch.position;
      vouched = Math.max(vouched, batch.time ?? 0);
      expect(position, "a time vouches for what was given").toBeGreaterThanOrEqual(BigInt(batch.time ?? 0));
      await turns(random.below(6));
    }
    watcher.remove();
    const wanted = log.filter((change) => change.position > start && change.position <= position);
    const expected = wanted.filter(({ key }) => users.length === 0 || users.includes(Number(key))).map((change) => change.position);
    expect(given, `${seed}: of users ${users.join()}, from ${start} to ${position}`).toEqual(expected);
    return `${given.length}`;
  };
  for (let step = 0; step < 120; step += 1) {
    for (let count = random.below(9); count > 0; count -= 1) log.push(changeAt(BigInt(log.length + 1), random.below(6)));
    if (random.chance(0.8)) learn();
    // For most of the time nobody watches everything.
    if (random.chance(0.3)) checks.push(watch(random.chance(0.1) ? [] : [random.below(6), random.below(6)], 5 + random.below(20)));
    await turns(random.below(5));
  }
  const feeder = setInterval(learn, 1);
  await Promise.all(checks);
  clearInterval(feeder);
};

test("each watcher is given every change that it watches, once and in order, whoever else comes and goes", {
  timeout: 60_000,
}, async () => {
  for (let seed = 0; seed < 40; seed += 1) await runSchedule(`watchers ${seed}`);
});
