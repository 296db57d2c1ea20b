import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { createWorkerSums } from "../../src/telemetry/worker-metrics.ts";

/** The metrics of one worker. */
const worker = () => {
  const registry = new Registry();
  const registers = [registry];
  const counter = new Counter({ name: "calls_total", help: "calls", labelNames: ["code"], registers });
  const gauge = new Gauge({ name: "workers", help: "workers", registers });
  const seconds = new Histogram({ name: "seconds", help: "seconds", buckets: [1, 2], registers });
  return { counter, gauge, seconds, told: async () => JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) };
};

const numberOf = (page: string, line: string): number =>
  Number(
    page
      .split("\n")
      .find((one) => one.startsWith(`${line} `))
      ?.split(" ")[1],
  );

test("what a worker has counted outlives it, what it was does not", async () => {
  const sums = createWorkerSums<string>();
  const [first, second, third] = [worker(), worker(), worker()];
  first.counter.inc({ code: "OK" }, 3);
  first.seconds.observe(0.5);
  second.counter.inc({ code: "OK" }, 4);
  for (const { gauge } of [first, second, third]) gauge.set(1);
  sums.told("first", await first.told());
  sums.told("second", await second.told());
  sums.ended("first");
  sums.ended("unknown");
  const page = await sums.page();
  expect(page).toContain("# TYPE calls_total counter");
  expect([numberOf(page, 'calls_total{code="OK"}'), numberOf(page, "workers"), numberOf(page, "seconds_count")]).toEqual([7, 1, 1]);
  third.counter.inc({ code: "OK" }, 5);
  sums.told("third", await third.told());
  sums.ended("third");
  sums.ended("second");
  expect(numberOf(await sums.page(), 'calls_total{code="OK"}')).toBe(12);
  expect(numberOf(await sums.page(), 'seconds_bucket{le="1"}')).toBe(1);
});

test("sums of fractions don't go down by a rounding when workers replace each other", async () => {
  const sums = createWorkerSums<number>();
  let shown = 0;
  for (let round = 0; round < 200; round += 1) {
    const { seconds, told } = worker();
    seconds.observe(((round * 7_919) % 1_000) / 997);
    sums.told(round, await told());
    const before = numberOf(await sums.page(), "seconds_sum");
    expect(before).toBeGreaterThanOrEqual(shown);
    sums.ended(round - (round % 3));
    shown = numberOf(await sums.page(), "seconds_sum");
    expect(shown).toBe(before);
  }
});
