import assert from "node:assert/strict";
import { connectUserd, type Userd } from "../../clients/typescript/src/connect.ts";
import type { Row } from "../bench.ts";
import { withoutGo } from "../go.ts";
import { type Side, watched } from "../rounds.ts";
import { startGoProgram } from "./go-program.ts";

/** Reads that wait for their answers at any time: a moment's. */
const IN_FLIGHT = 100;

const readsOf =
  ({ options }: Userd, userIds: readonly bigint[]): Side =>
  async ({ seconds }) => {
    const began = performance.now();
    let [next, calls] = [0, 0];
    const reader = async () => {
      while (performance.now() - began < seconds * 1_000) {
        const { found } = await options.getOption({ userId: userIds[next++ % userIds.length] as bigint, key: "timezone" });
        assert.equal(found, true);
        calls += 1;
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, reader));
    return { calls, callsPerSecond: (calls * 1_000) / (performance.now() - began) };
  };

/** GetOption by the client in TypeScript that asks reads of a moment together, against the same client that does not; busy is the service. */
export const coalescing: Row = {
  name: "coalescing",
  yardstick: "the same client, each read a call",
  valuesPerCall: 1,
  prepare: async ({ service, seed }) => {
    const address = service.grpcAddress;
    const [together, alone] = [connectUserd({ address, coalesce: true }), connectUserd({ address })];
    const dispose = async () => {
      together.close();
      alone.close();
    };
    return {
      userd: watched(service.pid, readsOf(together, seed.userIds)),
      yardstick: watched(service.pid, readsOf(alone, seed.userIds)),
      load: `${IN_FLIGHT} reads in flight by @userd/client, counted in values`,
      [Symbol.asyncDispose]: dispose,
    };
  },
};

/** The same by the client in Go, on one core. */
export const coalescingGo: Row = {
  name: "coalescing_go",
  yardstick: "the same client, each read a call",
  valuesPerCall: 1,
  skip: withoutGo,
  prepare: async ({ service, pins, seed }) => {
    const program = await startGoProgram("./bench", [service.grpcAddress, `[${seed.userIds.join()}]`], pins.client);
    return {
      userd: watched(service.pid, program.side("together")),
      yardstick: watched(service.pid, program.side("alone")),
      load: `${IN_FLIGHT} reads in flight by the client in Go, counted in values`,
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  },
};
