import type { Row } from "../bench.ts";
import { withoutGo } from "../go.ts";
import { startGoProgram } from "./go-program.ts";

/** Hits of the near cache in Go, on one core, against the least that a program can do. */
export const nearCacheGo: Row = {
  name: "near_cache_go",
  yardstick: "a sync.Map, with a key of the same parts",
  goal: { atLeast: 0.3 },
  valuesPerCall: 1,
  skip: withoutGo,
  prepare: async ({ service, pins, seed }) => {
    const program = await startGoProgram("./nearcache/bench", [service.grpcAddress, `[${seed.userIds.join()}]`], pins.server);
    return {
      userd: program.side("near"),
      yardstick: program.side("plain"),
      load: "reads in turn by one goroutine, of which each makes its key",
      details: () => ({ misses: program.misses() }),
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  },
};
