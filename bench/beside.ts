import type { Bench, Row, SpeedRow } from "./bench.ts";

/** Whether a row compares speeds, so that another userd can stand in its yardstick's place. */
const comparesSpeeds = (row: Row): row is SpeedRow => "prepare" in row;

/** The rows of speeds, each with the userd of another checkout as its yardstick: what a change costs. */
export const rowsBeside = (rows: readonly Row[], other: Bench): Row[] =>
  rows.filter(comparesSpeeds).map(({ name, valuesPerCall, skip, prepare }) => ({
    name,
    yardstick: "the other userd",
    valuesPerCall,
    ...(skip && { skip }),
    prepare: async (bench) => {
      await using stack = new AsyncDisposableStack();
      const here = stack.use(await prepare(bench));
      const there = stack.use(await prepare(other));
      const running = stack.move();
      return { ...here, yardstick: there.userd, [Symbol.asyncDispose]: () => running.disposeAsync() };
    },
  }));
