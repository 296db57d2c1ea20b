// Reads options through a near cache for as long as its stdin says, and prints what it has found: clients/go/nearcache/drill does the same.
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { connectUserd } from "../../../clients/typescript/src/connect.ts";
import { toValue } from "../../../clients/typescript/src/json.ts";
import { openNearCache } from "../../../clients/typescript/src/near-cache/near-cache.ts";
import type { GetOptionResponse } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { machineTime } from "../moments.ts";
import { createTally, type Order, type Readings } from "./readings.ts";

/** The most calls at once: while the near cache is not live each read is one. */
const MAX_CALLS = 32;
/** A turn makes up for those that came late, as far as this many milliseconds. */
const MAX_LATE_MS = 1_000;
const TURN_MS = 5;
/** One read of so many is of an option of its own, and one of all options of a user. */
const OWN_EVERY = 8;
const ALL_EVERY = 16;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { address, boundMs, readsPerSecond, slots, own } = JSON.parse((await lines.next()).value ?? "") as Order;
let isStopped = false;
void lines.next().then(() => {
  isStopped = true;
});

const userd = connectUserd({ address });
const near = openNearCache(userd, { boundMs, serverBoundMs: boundMs });
void near.live().then(() => process.stdout.write("live\n"));
const origin = machineTime() - performance.now();
const now = () => origin + performance.now();
const tally = createTally(slots.length, now);
const counts = { reads: 0, failed: 0, ownReads: 0, belowFloor: 0, ownWrites: 0 };
let calls = 0;

type AnyValue = GetOptionResponse["value"];
const numberOf = (value: AnyValue): number => (value?.kind.case === "numberValue" ? value.kind.value : 0);

/** Uses an answer, at once when it was kept. */
const use = <A>(answer: A | Promise<A>, take: (answer: A) => void): void => {
  if (!(answer instanceof Promise)) {
    take(answer);
    return;
  }
  calls += 1;
  answer
    .then(take, () => {
      counts.failed += 1;
    })
    .finally(() => {
      calls -= 1;
    });
};

const users = slots.map(({ userId }) => BigInt(userId));
const slotsOf = new Map<string, number[]>();
for (const [slot, { userId }] of slots.entries()) slotsOf.set(userId, [...(slotsOf.get(userId) ?? []), slot]);
const ofUsers = [...slotsOf].map(([userId, of]) => ({ userId: BigInt(userId), of, keys: of.map((slot) => slots[slot]?.key ?? "") }));
const owned = own.map(({ userId, key }) => ({ userId: BigInt(userId), key, written: 0, floor: 0 }));

const readOne = (slot: number): void => {
  const began = now();
  use(near.options.get(users[slot] ?? 0n, slots[slot]?.key ?? ""), ({ value }) => {
    counts.reads += 1;
    tally.note(slot, numberOf(value), began);
  });
};
const readAll = ({ userId, of, keys }: (typeof ofUsers)[number]): void => {
  const began = now();
  use(near.options.resolve(userId, keys), ({ options }) => {
    counts.reads += 1;
    for (const [index, { value }] of options.entries()) tally.note(of[index] ?? 0, numberOf(value), began);
  });
};
const readOwn = (option: (typeof owned)[number]): void => {
  const { floor, userId, key } = option;
  use(near.options.get(userId, key), ({ value }) => {
    counts.reads += 1;
    counts.ownReads += 1;
    if (numberOf(value) < floor) counts.belowFloor += 1;
  });
};

const writeOwn = async (option: (typeof owned)[number]): Promise<void> => {
  while (!isStopped) {
    await delay(50 + Math.random() * 2 * boundMs);
    option.written += 1;
    const { userId, key, written } = option;
    try {
      await userd.options.setOption({ userId, key, value: toValue(written) });
      option.floor = written;
      counts.ownWrites += 1;
    } catch {
      // Nobody knows what became of it, and the next one is greater.
    }
  }
};
const writing = owned.map(writeOwn);

let done = 0;
let slot = 0;
let due = 0;
for (let last = now(); !isStopped; ) {
  await delay(TURN_MS);
  const late = Math.min(now() - last, MAX_LATE_MS);
  last = now();
  for (due += (late / 1_000) * readsPerSecond; due >= 1 && calls < MAX_CALLS; due -= 1) {
    done += 1;
    const option = done % OWN_EVERY === 0 ? owned[(done / OWN_EVERY) % owned.length] : undefined;
    const all = done % ALL_EVERY === 1 ? ofUsers[Math.floor(done / ALL_EVERY) % ofUsers.length] : undefined;
    if (option !== undefined) readOwn(option);
    else if (all !== undefined) readAll(all);
    else {
      slot = (slot + 1) % slots.length;
      readOne(slot);
    }
  }
  // What could not be read while all calls were under way is made up for later, as far as a second of it.
  due = Math.min(due, readsPerSecond);
}
await Promise.all(writing);
while (calls > 0) await delay(TURN_MS);
const { hits, resumes, resets } = near.stats();
const readings: Readings = { ...counts, hits, wentBack: tally.wentBack(), resumes, resets, found: tally.found() };
process.stdout.write(`${JSON.stringify(readings)}\n`, () => process.exit(0));
