import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds } from "../../bench/child.ts";
import { createH2load } from "../../bench/load/h2load.ts";
import type { Target } from "./attack.ts";
import { type LoadJob, runLoad, type Seen } from "./load.ts";

/** What became of calls far beyond the capacity, in calls a second as the service has counted them. */
export type FarBeyond = {
  /** Calls that reached the service. What it does not read in time waits in the clients, whose connections have no stream left. */
  readonly taken: number;
  readonly answered: number;
  /** The share of a core that the service used. */
  readonly busy: number;
  /** What the client saw that sent a part and looks at each answer. */
  readonly seen: Seen;
};

const WARM_UP_MS = 1_000;
const STREAMS = 100;

/** Counts the ended calls of an RPC by their code. */
const endedCalls = async (target: Target, path: string): Promise<{ readonly all: number; readonly ok: number }> => {
  const page = await (await fetch(`${target.url("http")}/metrics`)).text();
  const method = path.slice(1);
  let [all, ok] = [0, 0];
  for (const [, name, code, calls] of page.matchAll(/^userd_calls_total\{method="([^"]+)",code="([^"]+)"\} (\d+)$/gm)) {
    if (name !== method) continue;
    all += Number(calls);
    if (code === "OK") ok += Number(calls);
  }
  return { all, ok };
};

/**
 * Offers calls far beyond what a service can do: a part by a client that looks at each answer, the others by h2load, which takes a tenth of the
 * machine for the same.
 */
export const offerFarBeyond = async (
  target: Target,
  job: Omit<LoadJob, "seconds">,
  { perSecond, looked, seconds }: { readonly perSecond: number; readonly looked: number; readonly seconds: number },
): Promise<FarBeyond> => {
  const { address, path, connections, bodies, authorization = "", timeoutMs = 0 } = job;
  const seeing = runLoad({ ...job, seconds, perSecond: looked });
  const headers = { authorization, "grpc-timeout": `${timeoutMs}m` };
  const others = createH2load(undefined).run(
    { address, path, connections, streams: STREAMS, bodies: bodies.map((text) => ({ bytes: Buffer.from(text, "base64") })), headers },
    { seconds: seconds + WARM_UP_MS / 1_000, latency: false, perSecond: perSecond - looked },
  );
  await delay(2 * WARM_UP_MS);
  const now = async () => ({ calls: await endedCalls(target, path), cpu: cpuSeconds(target.pid) ?? 0, ms: performance.now() });
  const before = await now();
  await delay((seconds - 1) * 1_000);
  const after = await now();
  const passed = (after.ms - before.ms) / 1_000;
  const [seen] = await Promise.all([seeing, others]);
  return {
    taken: (after.calls.all - before.calls.all) / passed,
    answered: (after.calls.ok - before.calls.ok) / passed,
    busy: (after.cpu - before.cpu) / passed,
    seen,
  };
};
