import cluster from "node:cluster";
import { AggregatorRegistry, type Registry } from "prom-client";

/** Asks the primary for the metrics of all workers, and brings them. */
type MetricsMessage = { readonly userd: "metrics"; readonly request: number; readonly text?: string };

/** How long a worker waits for the metrics of the others, in milliseconds. */
const METRICS_TIMEOUT_MS = 6_000;
const isMetrics = (message: unknown): message is MetricsMessage =>
  typeof message === "object" && message !== null && "userd" in message && message.userd === "metrics";

/**
 * What `/metrics` of a process answers with: in a worker, the sum over all workers; else the registry's own. The
 * connections of a scraper end up at any worker.
 */
export const metricsOf = (registry: Registry): (() => Promise<string>) => {
  if (!cluster.isWorker) return () => registry.metrics();
  AggregatorRegistry.setRegistries([registry]);
  // Answers the primary's question for this worker's own.
  new AggregatorRegistry();
  let last = 0;
  const pending = new Map<number, (text: string) => void>();
  process.on("message", (message: unknown) => {
    if (isMetrics(message)) pending.get(message.request)?.(message.text ?? "");
  });
  return async () => {
    const request = ++last;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => reject(new Error("The workers did not tell their metrics in time.")), METRICS_TIMEOUT_MS);
    pending.set(request, resolve);
    process.send?.({ userd: "metrics", request } satisfies MetricsMessage);
    return promise.finally(() => {
      clearTimeout(timer);
      pending.delete(request);
    });
  };
};

/** In the primary process: answers workers that ask for the metrics of all of them. */
export const serveWorkerMetrics = (): void => {
  const aggregator = new AggregatorRegistry();
  cluster.on("message", (worker, message: unknown) => {
    if (!isMetrics(message)) return;
    const answer = (text: string) => worker.send({ userd: "metrics", request: message.request, text } satisfies MetricsMessage);
    aggregator.clusterMetrics().then(answer, () => answer(""));
  });
};
