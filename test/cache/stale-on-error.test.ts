import { expect, test } from "vitest";
import { userAggregate } from "../../src/versions/aggregate.ts";
import { BOUND_MS, consistencyOf, createManualClock, createTestProcess, Unreachable } from "./ports.ts";

const { signal } = new AbortController();

/** A process that has read 1 at version 1, some milliseconds ago. */
const processThatRead = async (agoMs: number) => {
  const time = createManualClock();
  const one = createTestProcess(time);
  for (const lookup of [one.options, one.permissions]) {
    const answer = lookup.get({ signal }, 1n, consistencyOf());
    await time.settle();
    await one.statements.at(-1)?.answer(1n);
    await answer;
  }
  await time.pass(agoMs);
  return { ...one, ...time };
};

test("I9 while the database can't be reached, a caller who takes it has what is held, marked, with its age", async () => {
  const { options, statements, settle } = await processThatRead(5_000);
  const reading = consistencyOf({ maxStaleMs: 10_000 });
  const answer = options.get({ signal }, 1n, reading);
  await settle();
  await statements.at(-1)?.fail(new Unreachable());
  expect(await answer).toEqual({ text: "1 v1" });
  expect(reading).toMatchObject({ stale: true, ageMs: 5_000 });
});

test.for([
  { what: "what is older than the caller takes", reading: { maxStaleMs: 4_999 } },
  { what: "anything without max_stale", reading: {} },
  { what: "a strong read", reading: { strong: true, maxStaleMs: 10_000 } },
  {
    what: "what is older than the token",
    reading: { maxStaleMs: 10_000, token: { epoch: "e1", aggregates: [{ ...userAggregate(1n), version: 2n }] } },
  },
])("I9 what is held does not serve $what", async ({ reading }) => {
  const { options, statements, settle } = await processThatRead(5_000);
  const answer = options.get({ signal }, 1n, consistencyOf(reading));
  await settle();
  const failing = expect(answer).rejects.toThrow(Unreachable);
  await statements.at(-1)?.fail(new Unreachable());
  await failing;
});

test("I9 permissions are never served stale", async () => {
  const { permissions, statements, settle } = await processThatRead(5_000);
  const failing = expect(permissions.get({ signal }, 1n, consistencyOf({ maxStaleMs: 10_000 }))).rejects.toThrow(Unreachable);
  await settle();
  await statements.at(-1)?.fail(new Unreachable());
  await failing;
});

test("I9 a database that hangs is waited for half a second", async () => {
  const { options, pass } = await processThatRead(2_000);
  const reading = consistencyOf({ maxStaleMs: 10_000 });
  const answer = options.get({ signal }, 1n, reading);
  await pass(500);
  expect(await answer).toEqual({ text: "1 v1" });
  expect(reading).toMatchObject({ stale: true, ageMs: 2_500 });
});

test("I9 what a known write has outdated is marked as stale, however young", async () => {
  const { options, statements, settle, cache } = await processThatRead(BOUND_MS / 2);
  cache.committed({ epoch: "e1", aggregates: [{ ...userAggregate(1n), version: 2n }] });
  const reading = consistencyOf({ maxStaleMs: 10_000 });
  const answer = options.get({ signal }, 1n, reading);
  await settle();
  await statements.at(-1)?.fail(new Unreachable());
  expect(await answer).toEqual({ text: "1 v1" });
  expect(reading).toMatchObject({ stale: true, ageMs: BOUND_MS / 2 });
});

test("I9 a hit that grows too old beside what is waited for is not served with what is stale", async () => {
  const { options, statements, pass, settle, cache } = await processThatRead(100);
  const second = options.get({ signal }, 2n, consistencyOf());
  await settle();
  await statements.at(-1)?.answer(1n);
  await second;
  await pass(400);
  cache.committed({ epoch: "e1", aggregates: [{ ...userAggregate(2n), version: 2n }] });
  const failing = expect(options.getAll({ signal }, [1n, 2n], consistencyOf({ maxStaleMs: 950 }))).rejects.toThrow(Unreachable);
  // 2 would do at 900 ms, and 1 is 1,000 ms old by then.
  await pass(500);
  for (const statement of statements) await statement.fail(new Unreachable());
  await failing;
});

test("I9 another error of the database is an error", async () => {
  const { options, statements, settle } = await processThatRead(5_000);
  const failing = expect(options.get({ signal }, 1n, consistencyOf({ maxStaleMs: 10_000 }))).rejects.toThrow("relation is gone");
  await settle();
  await statements.at(-1)?.fail(new Error("relation is gone"));
  await failing;
});
