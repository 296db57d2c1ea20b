import { expect, test } from "vitest";
import { userAggregate } from "../../src/versions/aggregate.ts";
import { BOUND_MS, consistencyOf, createManualClock, createMemoryStore, createTestProcess } from "./ports.ts";

test("1,000 concurrent misses on one key are one load of one key", async () => {
  const time = createManualClock();
  const { read, statements, cache } = createTestProcess(time);
  const answers = Promise.all(Array.from({ length: 1_000 }, () => read(1n)));
  await time.settle();
  expect(statements.map(({ keys }) => keys)).toEqual([[1n]]);
  await statements[0]?.answer(3n);
  expect(new Set(await answers)).toEqual(new Set(["1 v3"]));
  expect(cache.stats).toMatchObject({ loads: 1, shared: 999 });
});

test("the loads of one turn share statements of at most 100 keys", async () => {
  const time = createManualClock();
  const { read, statements } = createTestProcess(time);
  const answers = Promise.all(Array.from({ length: 250 }, (_, key) => read(BigInt(key))));
  await time.settle();
  expect(statements.map(({ keys }) => keys.length)).toEqual([100, 100, 50]);
  for (const statement of statements) await statement.answer(1n);
  expect((await answers)[249]).toBe("249 v1");
});

test("a strong read never joins a load that was sent before it", async () => {
  const time = createManualClock();
  const { read, statements } = createTestProcess(time);
  const before = read(1n, { strong: true });
  await time.settle();
  const [one, another] = [read(1n, { strong: true }), read(1n, { strong: true })];
  await time.settle();
  expect(statements).toHaveLength(2);
  await statements[0]?.answer(1n);
  await statements[1]?.answer(2n);
  expect(await Promise.all([before, one, another])).toEqual(["1 v1", "1 v2", "1 v2"]);
});

test("a default read does not join a load that is older than the bound", async () => {
  const time = createManualClock();
  const { read, statements } = createTestProcess(time);
  void read(1n);
  await time.pass(BOUND_MS + 1);
  const late = read(1n);
  await time.settle();
  expect(statements).toHaveLength(2);
  await statements[1]?.answer(2n);
  expect(await late).toBe("1 v2");
});

test("I6 a read that shares a load is not answered what the load had found almost expired", async () => {
  const time = createManualClock();
  const store = createMemoryStore();
  const [first, second] = [createTestProcess(time, { store }), createTestProcess(time, { store })];
  void first.read(1n);
  void second.read(9n);
  await time.settle();
  await first.statements[0]?.answer(1n);
  await second.statements[0]?.answer(1n);
  await time.pass(BOUND_MS - 10);
  // 1 is in the shared store, just about; the load waits for 2.
  void second.options.getAll({ signal: new AbortController().signal }, [1n, 2n], consistencyOf());
  await time.pass(500);
  const joined = second.read(1n);
  await time.settle();
  await second.statements[1]?.answer(1n);
  expect(second.statements[2]?.keys).toEqual([1n]);
  await second.statements[2]?.answer(2n);
  expect(await joined).toBe("1 v2");
});

test("a call that is cancelled before its statement is sent takes no other one along", async () => {
  const time = createManualClock();
  const { read, statements } = createTestProcess(time);
  const controller = new AbortController();
  const cancelled = read(1n, {}, controller.signal).catch(() => "cancelled");
  // The load has been begun, and waits for what else arrives in this turn.
  for (let microtask = 0; microtask < 5; microtask += 1) await Promise.resolve();
  controller.abort();
  const other = read(2n);
  await time.settle();
  const statement = statements.find(({ keys }) => keys.includes(2n));
  expect(statement?.signal.aborted).toBe(false);
  await statement?.answer(1n);
  await statements.find(({ keys }) => keys.includes(1n))?.answer(1n);
  expect(await other).toBe("2 v1");
  expect(await cancelled).toBe("cancelled");
});

test("I12 what a cancelled statement brings is not kept", async () => {
  const time = createManualClock();
  const { read, statements, cache } = createTestProcess(time);
  const controller = new AbortController();
  const cancelled = read(1n, {}, controller.signal).catch(() => "cancelled");
  await time.settle();
  controller.abort();
  await statements[0]?.answer(1n);
  expect(await cancelled).toBe("cancelled");
  expect(cache.level1.entries()).toBe(0);
});

test("after a commit in a new epoch the late answer of the old primary is not served", async () => {
  const time = createManualClock();
  const { read, statements, cache } = createTestProcess(time);
  void read(2n);
  await time.settle();
  await statements[0]?.answer(1n, "e1");
  void read(1n);
  await time.settle();
  cache.committed({ epoch: "e2", aggregates: [{ ...userAggregate(1n), version: 1n }] });
  const own = read(1n);
  await time.settle();
  await statements[1]?.answer(5n, "e1");
  expect(statements).toHaveLength(3);
  await statements[2]?.answer(1n, "e2");
  expect(await own).toBe("1 v1");
});

/** A process whose source of names brings the user along that has the number of the name. */
const createNames = (time: ReturnType<typeof createManualClock>) => {
  const process = createTestProcess(time);
  const sent: bigint[][] = [];
  const names = process.cache.lookup<bigint, { readonly id: string }, { readonly id: string }>(
    {
      name: "names",
      mayBeStale: false,
      aggregateOf: (name) => ({ kind: "canonical_name", id: name }),
      partOf: () => "",
      load: async (keys) => {
        sent.push([...keys]);
        return {
          epoch: "e1",
          databaseTime: 1_700_000_000_000 + time.clock.now(),
          versions: keys.map(() => 1n),
          contents: keys.map(String).map((id) => ({ id })),
          loadedTogether: keys.map((key) => [process.options.loadedTogether(key, 7n, { text: `${key} beside` })]),
        };
      },
    },
    (content) => content,
  );
  const readBoth = async (key: bigint, reading = consistencyOf()): Promise<string> => {
    const found = names.get({ signal: new AbortController().signal }, key, reading);
    await time.settle();
    await found;
    const text = process.options.get({ signal: new AbortController().signal }, key, reading);
    return text instanceof Promise ? "not held" : text.text;
  };
  return { ...process, sent, readBoth };
};

test("what a statement shows beside what it was sent for is held like what its own source loads", async () => {
  const time = createManualClock();
  const { sent, readBoth, read, cache } = createNames(time);
  expect(await readBoth(1n)).toBe("1 beside");
  expect(cache.stats.loads).toBe(2);
  expect(await read(1n)).toBe("1 beside");
  expect(sent).toEqual([[1n]]);
  cache.notified({ epoch: "e1", aggregates: [{ ...userAggregate(1n), version: 8n }] });
  expect(await readBoth(1n)).toBe("not held");
});

test("I5 what is shown beside is trusted from when the statement was sent, and no longer", async () => {
  const time = createManualClock();
  const { readBoth, options } = createNames(time);
  await readBoth(1n);
  await time.pass(BOUND_MS + 1);
  expect(options.get({ signal: new AbortController().signal }, 1n, consistencyOf())).toBeInstanceOf(Promise);
});

test("a strong read takes what its own statement has shown beside, and nothing that another read has", async () => {
  const time = createManualClock();
  const { sent, readBoth, options } = createNames(time);
  await readBoth(1n);
  expect(options.get({ signal: new AbortController().signal }, 1n, consistencyOf({ strong: true }))).toBeInstanceOf(Promise);
  expect(await readBoth(1n, consistencyOf({ strong: true }))).toBe("1 beside");
  expect(sent).toEqual([[1n], [1n]]);
});
