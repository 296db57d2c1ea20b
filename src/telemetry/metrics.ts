import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { metricsOf } from "./worker-metrics.ts";

/** A function that counts and times one call of a method; `code` is the name of the call's status code, such as OK. */
export type Observe = (code: string, milliseconds: number) => void;

/** The functions that record the metrics of calls of RPCs. */
export type CallMetrics = {
  /** Makes the function that counts and times the calls of one method. It prepares the labels once. */
  readonly forMethod: (method: string) => Observe;
  /** Counts an answer with a reason that its RPC does not declare. */
  readonly undeclared: (method: string, reason: string) => void;
};

/** The metrics of one process, and the text of its page `/metrics`. */
export type Metrics = {
  /** The registry of `/metrics`, in which features register their own metrics. Labels never have user input. */
  readonly registry: Registry;
  /** Returns the text of `/metrics`: in a worker, that of all workers together. */
  readonly text: () => Promise<string>;
  readonly calls: CallMetrics;
  /** Registers the function that returns the number of calls in progress. Each scrape calls it. */
  readonly watchInProgress: (inProgress: () => number) => void;
};

const createCallMetrics = (registry: Registry): CallMetrics => {
  const total = new Counter({
    name: "userd_calls_total",
    help: "Calls by method and status code",
    labelNames: ["method", "code"],
    registers: [registry],
  });
  const duration = new Histogram({
    name: "userd_call_duration_seconds",
    help: "Time from arrival to answer, by method",
    labelNames: ["method"],
    // From a cache hit to the longest deadline.
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10, 60],
    registers: [registry],
  });
  const undeclared = new Counter({
    name: "userd_undeclared_reasons_total",
    help: "Answers with a reason that their RPC does not declare: faults of userd",
    labelNames: ["method", "reason"],
    registers: [registry],
  });
  return {
    undeclared: (method, reason) => undeclared.inc({ method, reason }),
    forMethod: (method) => {
      const time = duration.labels(method);
      const counters = new Map<string, { inc(): void }>();
      return (code, milliseconds) => {
        const counter = counters.get(code) ?? total.labels(method, code);
        counters.set(code, counter);
        counter.inc();
        time.observe(milliseconds / 1000);
      };
    },
  };
};

/** Makes the metrics of a process in a new registry, not prom-client's global one, since in tests one process runs several services. */
export const createMetrics = (): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const inProgressGauge = new Gauge({
    name: "userd_calls_in_progress",
    help: "Calls in progress, over both listeners",
    registers: [registry],
  });
  // Each process counts as one; the sum over the workers is their number.
  new Gauge({ name: "userd_workers", help: "Processes that share the ports", registers: [registry] }).set(1);
  return {
    registry,
    text: metricsOf(registry),
    calls: createCallMetrics(registry),
    watchInProgress: (inProgress) => {
      Object.assign(inProgressGauge, { collect: () => inProgressGauge.set(inProgress()) });
    },
  };
};

/** Registers the metric of lines of the log that were lost, which each scrape reads from `lost`. */
export const watchLog = (registry: Registry, lost: () => number = () => 0): void => {
  const counter: Counter = new Counter({
    name: "userd_log_lines_lost_total",
    help: "Lines of the log that were lost, since nobody read them",
    registers: [registry],
    collect: () => {
      counter.reset();
      counter.inc(lost());
    },
  });
};
