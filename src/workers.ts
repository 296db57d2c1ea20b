import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import type { Logger } from "pino";
import { isCommitted } from "./cache/worker-bus.ts";
import type { Config } from "./config.ts";
import { StartupError } from "./db/startup-error.ts";
import { serveWorkerMetrics } from "./telemetry/worker-metrics.ts";

/** The time after which a worker that ended is replaced, in milliseconds, so that one that always fails does not take the machine. */
const REPLACE_MS = 1_000;

/**
 * The setting of glibc for workers (docs/adr/0072). By default what a full garbage collection frees of headers, by the hundred thousand pieces, is put together
 * again later, in one pause as long as that of the collection itself.
 */
const allocator = { GLIBC_TUNABLES: "glibc.malloc.mxfast=0" } as const;

/** Starts a worker. What the operator has set for glibc stands. */
const fork = (): Worker => cluster.fork("GLIBC_TUNABLES" in process.env ? {} : allocator);

/** Checks that the database serves this number of processes; the embedded one serves a single process. Throws StartupError. */
export const assertWorkers = ({ workers, database }: Pick<Config, "workers" | "database">): void => {
  if (workers > 1 && database.kind === "pglite") {
    throw new StartupError("WORKERS above 1 needs PostgreSQL: the embedded database belongs to one process. Set DATABASE_URL.");
  }
};

/**
 * Runs the service in several processes that share the ports, until SIGTERM or SIGINT. A process that ends by itself is replaced. SIGHUP is
 * passed on to all processes. `ready` is called once, when all processes are ready, with the line that the last of them has reported. The others
 * start when the first one is ready: what keeps it from starting is told once. This process then ends with the first one's exit code.
 * @throws StartupError when another process can't start.
 */
export const superviseWorkers = async (workers: number, log: Logger, ready: (line: string) => void): Promise<void> => {
  let stopping = false;
  let isReady = false;
  const said = new Set<Worker>();
  const failed = Promise.withResolvers<void>();
  failed.promise.catch(() => {});

  serveWorkerMetrics();
  cluster.on("message", (worker, message: unknown) => {
    if (isCommitted(message)) {
      // Without the callback, a worker that ends meanwhile would end this process with an `error` event.
      for (const other of Object.values(cluster.workers ?? {})) if (other !== worker && other?.isConnected()) other.send(message, () => {});
      return;
    }
    if (typeof message !== "object" || message === null || !("ready" in message)) return;
    said.add(worker);
    if (isReady) return;
    if (said.size === 1) for (let index = 1; index < workers; index += 1) fork();
    if (said.size < workers) return;
    isReady = true;
    ready(String(message.ready));
  });
  cluster.on("exit", (worker, code, signal) => {
    said.delete(worker);
    if (stopping) return;
    if (!isReady) {
      // With a code it has written its own error to standard error.
      if (code) {
        process.exitCode = code;
        failed.resolve();
      } else failed.reject(new StartupError("A worker could not start."));
      return;
    }
    log.error({ pid: worker.process.pid, code, signal }, "a worker has ended; another one takes its place");
    setTimeout(() => !stopping && fork(), REPLACE_MS).unref();
  });
  fork();

  const notify = (signal: NodeJS.Signals) => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
  };
  process.on("SIGHUP", () => notify("SIGHUP"));
  try {
    await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT"), failed.promise]);
  } finally {
    stopping = true;
    const alive = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    const gone = alive.map((worker) => (worker.isDead() ? undefined : once(worker, "exit")));
    notify("SIGTERM");
    await Promise.all(gone);
  }
};
