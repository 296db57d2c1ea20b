// Is loaded into a server before its program (`node --import`), and records how its thread works, turn by turn. SIGUSR2 writes what was recorded
// since the last one into the file WORK_FILE.
import { renameSync, writeFileSync } from "node:fs";
import { constants, PerformanceObserver } from "node:perf_hooks";
import type { Recorded } from "./work.ts";

type GcEntry = { readonly startTime: number; readonly duration: number; readonly detail: { readonly kind: number } };

const file = process.env["WORK_FILE"];
if (file !== undefined) {
  let samples: [at: number, cpuMs: number][] = [];
  let collections: [begun: number, ended: number][] = [];
  const take = (): void => {
    const { user, system } = process.threadCpuUsage();
    samples.push([performance.now(), (user + system) / 1_000]);
  };
  // Fires once in a turn of the event loop, and at most once in a millisecond.
  setInterval(take, 1).unref();
  const observer = new PerformanceObserver((list) => {
    // Their type is that of browsers, where entries tell nothing more.
    for (const { startTime, duration, detail } of list.getEntries() as unknown as GcEntry[])
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections.push([startTime, startTime + duration]);
  });
  observer.observe({ entryTypes: ["gc"] });
  process.on("SIGUSR2", () => {
    take();
    // The observer is told of the last collections later.
    setImmediate(() => {
      const recorded: Recorded = { samples, collections };
      // Whoever waits for the file finds a whole one.
      writeFileSync(`${file}.new`, JSON.stringify(recorded));
      renameSync(`${file}.new`, file);
      [samples, collections] = [[], []];
    });
  });
}
