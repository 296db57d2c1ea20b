import { setTimeout as delay } from "node:timers/promises";
import type { GaugeRow } from "../bench.ts";
import { readOption } from "./get-option.ts";
import { targetOf, userdSide } from "./read.ts";

/** The rests, in seconds; V8 makes its collections of an idle process 8 s after the last call, and later ones. */
const restSeconds = 20;
const rests = 3;
/** The time that counts before and after a rest. */
const seconds = 2;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The CPU time of GetOption on hits in the first seconds after a rest, against the same before it. */
export const afterRest: GaugeRow = {
  name: "after_rest",
  unit: "CPU ns",
  yardstick: "the same before the rest",
  goal: { atMost: 1.15 },
  gauge: async (bench, progress) => {
    const { service, load } = bench;
    const { target } = await targetOf(service, readOption(bench));
    const side = userdSide(service, (options) => load.run(target, options), target.path);
    const once = async (): Promise<number> => {
      const { busy = Number.NaN, callsPerSecond } = await side({ seconds, latency: false });
      return (busy * 1e9) / callsPerSecond;
    };
    for (let round = 0; round < 3; round += 1) await once();
    const [before, after]: [number[], number[]] = [[], []];
    for (let rest = 1; rest <= rests; rest += 1) {
      before.push(await once());
      await delay(restSeconds * 1_000);
      after.push(await once());
      progress(`rest ${rest} of ${rests}: ${Math.round(before.at(-1) ?? 0)} ns before, ${Math.round(after.at(-1) ?? 0)} ns after`);
      for (let round = 0; round < 2; round += 1) await once();
    }
    return {
      value: median(after),
      yardstick: median(before),
      details: { worst_ratio: Math.max(...after.map((value, index) => value / (before[index] ?? 1))) },
    };
  },
};
