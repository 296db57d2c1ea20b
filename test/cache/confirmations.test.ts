import { expect, test } from "vitest";
import { userAggregate } from "../../src/versions/aggregate.ts";
import { BOUND_MS, consistencyOf, createManualClock, createTestProcess, Unreachable } from "./ports.ts";

/** A process that has read some keys at version 1. */
const createReader = async (keys: readonly bigint[]) => {
  const time = createManualClock();
  const process = createTestProcess(time, { confirms: true });
  const { options, statements } = process;
  const first = options.getAll({ signal: new AbortController().signal }, keys, consistencyOf());
  await time.settle();
  await statements.shift()?.answer(1n);
  await first;
  return { ...process, time };
};

test("a strong read of what is in memory asks for versions alone, together with others of its turn", async () => {
  const { read, options, questions, statements, time } = await createReader([1n, 2n, 3n]);
  const answers = [read(1n, { strong: true }), read(1n, { strong: true })];
  const several = options.getAll({ signal: new AbortController().signal }, [3n, 2n], consistencyOf({ strong: true }));
  await time.settle();
  expect(questions.map(({ ids }) => ids)).toEqual([[1n, 1n, 3n, 2n]]);
  await questions[0]?.answer(1n);
  expect(await Promise.all(answers)).toEqual(["1 v1", "1 v1"]);
  expect((await several).map(({ text }) => text)).toEqual(["3 v1", "2 v1"]);
  expect(statements).toHaveLength(0);
});

test("I6 what was confirmed answers for the bound from then on", async () => {
  const { read, questions, statements, time } = await createReader([1n]);
  await time.pass(BOUND_MS - 10);
  const strong = read(1n, { strong: true });
  await time.pass(500);
  await questions[0]?.answer(1n);
  await strong;
  // 10 ms less than the bound after the question was sent, not after its answer.
  await time.pass(BOUND_MS - 510);
  expect(await read(1n)).toBe("1 v1");
  await time.pass(20);
  void read(1n);
  await time.settle();
  expect(statements).toHaveLength(1);
});

test("what has another version is loaded", async () => {
  const { options, questions, statements, time } = await createReader([1n, 2n]);
  const answer = options.getAll({ signal: new AbortController().signal }, [1n, 2n], consistencyOf({ strong: true }));
  await time.settle();
  await questions[0]?.answer(2n);
  expect(statements.map(({ keys }) => keys)).toEqual([[1n, 2n]]);
  await statements[0]?.answer(2n);
  expect((await answer).map(({ text }) => text)).toEqual(["1 v2", "2 v2"]);
});

test("a strong read never joins a question that was sent before it", async () => {
  const { read, questions, statements, time } = await createReader([1n]);
  const before = read(1n, { strong: true });
  await time.settle();
  const after = read(1n, { strong: true });
  await time.settle();
  expect(questions).toHaveLength(2);
  await questions[0]?.answer(1n);
  expect(await before).toBe("1 v1");
  await questions[1]?.answer(2n);
  await statements[0]?.answer(2n);
  expect(await after).toBe("1 v2");
});

test("what is known to be outdated is loaded without a question", async () => {
  const { read, questions, statements, time, cache } = await createReader([1n]);
  cache.committed({ epoch: "e1", aggregates: [{ ...userAggregate(1n), version: 2n }] });
  const answer = read(1n, { strong: true });
  await time.settle();
  expect(questions).toHaveLength(0);
  await statements[0]?.answer(2n);
  expect(await answer).toBe("1 v2");
});

test("the same version in another epoch confirms nothing", async () => {
  const { read, questions, statements, time } = await createReader([1n]);
  const answer = read(1n, { strong: true });
  await time.settle();
  await questions[0]?.answer(1n, "e2");
  expect(statements).toHaveLength(1);
  await statements[0]?.answer(1n, "e2");
  expect(await answer).toBe("1 v1");
});

test("I12 a question ends with its last call, and leaves nothing", async () => {
  const { read, questions, statements, time } = await createReader([1n]);
  const [first, second] = [new AbortController(), new AbortController()];
  const answers = [first, second].map(({ signal }) => read(1n, { strong: true }, signal).catch(() => "cancelled"));
  await time.settle();
  first.abort();
  expect(questions[0]?.signal.aborted).toBe(false);
  second.abort();
  expect(questions[0]?.signal.aborted).toBe(true);
  await time.pass(BOUND_MS - 1);
  await questions[0]?.answer(1n);
  expect(await Promise.all(answers)).toEqual(["cancelled", "cancelled"]);
  await time.pass(2);
  void read(1n);
  await time.settle();
  expect(statements).toHaveLength(1);
});

test("a question that fails fails the reads that wait for it", async () => {
  const { read, questions, time } = await createReader([1n]);
  const answer = read(1n, { strong: true }).catch((error: unknown) => error);
  await time.settle();
  await questions[0]?.fail(new Unreachable());
  expect(await answer).toBeInstanceOf(Unreachable);
});
