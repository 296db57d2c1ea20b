import type { GaugeRow } from "../bench.ts";
import { hasH2load } from "../load/h2load.ts";
import type { LoadOptions, LoadResult } from "../load/load.ts";
import { startBareServer } from "../yardsticks/bare.ts";
import { readOption } from "./get-option.ts";
import { targetOf } from "./read.ts";

/** The share of what each server can do that it is asked for. */
const SHARE = 0.7;
const ROUNDS = 5;
const seconds = 3;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** How long a GetOption takes on a hit at 70 % of what a server can do, against the same of the bare server. */
export const getOptionWaits: GaugeRow = {
  name: "get_option_waits",
  unit: "µs p99",
  yardstick: "bare grpc-js at 70 % of its capacity",
  goal: { atMost: 2 },
  skip: () => (hasH2load() ? undefined : "only h2load offers calls at a rate"),
  gauge: async (bench, progress) => {
    const { service, pins, load } = bench;
    const { target, answer } = await targetOf(service, readOption(bench));
    await using bare = await startBareServer(target.path, answer, pins);
    const sides = [service.grpcAddress, bare.address].map((address) => ({
      run: (options: LoadOptions): Promise<LoadResult> => load.run({ ...target, address }, options),
      capacities: [] as number[],
      p50: [] as number[],
      p99: [] as number[],
    }));
    for (const { run } of sides) await run({ seconds, latency: false });
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const { run, capacities, p50, p99 } of round % 2 === 0 ? sides.toReversed() : sides) {
        // Just before: a machine that others use, too, has another capacity a minute later.
        const { callsPerSecond } = await run({ seconds: 1, latency: false });
        const { latency } = await run({ seconds, latency: true, perSecond: SHARE * callsPerSecond });
        capacities.push(callsPerSecond);
        p50.push((latency?.p50 ?? Number.NaN) * 1_000);
        p99.push((latency?.p99 ?? Number.NaN) * 1_000);
      }
      progress(`round ${round} of ${ROUNDS}: userd ${sides[0]?.p99.at(-1)} µs, yardstick ${sides[1]?.p99.at(-1)} µs`);
    }
    const [userd, yardstick] = sides.map(({ capacities, p50, p99 }) => ({
      capacity: median(capacities),
      p50: median(p50),
      p99: median(p99),
    }));
    return {
      value: userd?.p99 ?? Number.NaN,
      yardstick: yardstick?.p99 ?? Number.NaN,
      details: {
        p50_us: userd?.p50 ?? Number.NaN,
        p50_us_bare: yardstick?.p50 ?? Number.NaN,
        capacity: Math.round(userd?.capacity ?? Number.NaN),
        capacity_bare: Math.round(yardstick?.capacity ?? Number.NaN),
      },
    };
  },
};
