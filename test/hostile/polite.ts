import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ListenAddress } from "../../src/settings.ts";
import type { Target } from "./attack.ts";

/** What the polite client is told: where to call, as whom, and which user to read. */
export type PoliteJob = {
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
  readonly userId: string;
  readonly authorization: string | undefined;
};

/** One call of the polite client; `isNew` = over a connection of its own. */
export type Sample = { readonly isNew: boolean; readonly ms: number; readonly error?: string };

/** What the polite client saw in one phase: milliseconds at percentiles, and the errors. */
export type Seen = {
  readonly p50: number;
  readonly p99: number;
  readonly newcomerP99: number;
  readonly calls: number;
  readonly errors: readonly string[];
};

/** The polite client of an attack. */
export type Polite = AsyncDisposable & {
  /** Ends a phase: what was seen since the one before. */
  readonly phase: () => Promise<Seen>;
  /** Runs what nobody is held to: what the client sees meanwhile is of a phase of its own, which is returned with the result. */
  readonly apart: <T>(run: () => Promise<T>) => Promise<{ readonly result: T; readonly seen: Seen }>;
};

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

const seenIn = (samples: readonly Sample[]): Seen => {
  const times = (isNew: boolean) =>
    samples
      .filter((sample) => sample.isNew === isNew)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
  const kept = times(false);
  return {
    p50: percentile(kept, 0.5),
    p99: percentile(kept, 0.99),
    newcomerP99: percentile(times(true), 0.99),
    calls: samples.length,
    errors: samples.flatMap(({ error, isNew }) => (error === undefined ? [] : [`${isNew ? "new connection: " : ""}${error}`])),
  };
};

/** Starts the polite client, which calls until it is disposed. */
export const startPolite = (target: Target, authorization: string | undefined): Polite => {
  const child = fork(fileURLToPath(new URL("polite-client.ts", import.meta.url)), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const job: PoliteJob = { grpc: target.address("grpc"), http: target.address("http"), userId: String(target.userId), authorization };
  child.send(job);
  /** The samples of the phase that goes on, from before what was apart. */
  let kept: readonly Sample[] = [];
  const samples = async () => {
    const answer = once(child, "message");
    child.send("phase");
    return (await answer)[0] as readonly Sample[];
  };
  return {
    phase: async () => {
      const seen = seenIn([...kept, ...(await samples())]);
      kept = [];
      return seen;
    },
    apart: async (run) => {
      kept = [...kept, ...(await samples())];
      const result = await run();
      return { result, seen: seenIn(await samples()) };
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
};
