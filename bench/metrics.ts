import type { Userd } from "./service.ts";

/** What userd has counted so far. */
export type Metrics = {
  /** How many calls of a method were answered with OK. */
  readonly answered: (path: string) => number;
  /** A metric without labels. */
  readonly value: (name: string) => number;
};

/** Reads userd's own counters; of several workers, their sums. */
export const readMetrics = async ({ httpAddress }: Pick<Userd, "httpAddress">): Promise<Metrics> => {
  const lines = (await (await fetch(`http://${httpAddress}/metrics`)).text()).split("\n");
  return {
    answered: (path) => {
      const ofCalls = lines.filter((line) => line.startsWith("userd_calls_total{"));
      const line = ofCalls.find((labels) => labels.includes(`method="${path.slice(1)}"`) && labels.includes('code="OK"'));
      return Number(line?.split("} ")[1] ?? 0);
    },
    value: (name) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1] ?? Number.NaN),
  };
};
