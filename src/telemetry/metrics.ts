import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { metricsOf } from "./worker-metrics.ts";

/** A function that counts and times one call of a method; `code` is the name of the call's status code, such as OK. */
export type Observe = (code: string, milliseconds: number) => void;

/** What the capacity of the server counts. */
type CapacityCounts = {
  readonly inProgress: () => number;
  readonly limit: () => number;
  readonly calls: () => Iterable<{ readonly name: string; readonly calls: number }>;
  /** Writes refusals that were counted lately. */
  readonly flush: () => void;
};

/** The most callers that have a label of their own; those that come later share `other`. */
const MAX_LABELS = 100;

/** Makes the function that returns the label of a caller by its name. */
const createLabels = (): ((name: string) => string) => {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= MAX_LABELS) return "other";
    known.add(name);
    return name;
  };
};

/** The functions that record the metrics of calls of RPCs. */
export type CallMetrics = {
  /** Makes the function that counts and times the calls of one method. It prepares the labels once. */
  readonly forMethod: (method: string) => Observe;
  /** Counts calls of a method that were refused on their headers; they took no time. */
  readonly add: (method: string, code: string, calls: number) => void;
  /** Counts refusals by their caller and reason. */
  readonly refused: (caller: string, reason: string, calls: number) => void;
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
  /** Counts a connection that was ended since it flooded. */
  readonly flooded: () => void;
  /** Registers the functions that return the calls in progress, their limit, and the calls of each caller. Each scrape calls them. */
  readonly watchCapacity: (capacity: CapacityCounts) => void;
};

const createCallMetrics = (registry: Registry, labelOf: (name: string) => string): CallMetrics => {
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
  const refused = new Counter({
    name: "userd_refused_calls_total",
    help: "Calls that were refused for lack of room or beyond a limit, by caller and reason",
    labelNames: ["caller", "reason"],
    registers: [registry],
  });
  return {
    add: (method, code, calls) => total.inc({ method, code }, calls),
    refused: (caller, reason, calls) => refused.inc({ caller: labelOf(caller), reason }, calls),
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
  const labelOf = createLabels();
  // Each process counts as one; the sum over the workers is their number.
  const workers = new Gauge({ name: "userd_workers", help: "Processes that share the ports", registers: [registry] });
  workers.set(1);
  const inProgressGauge = new Gauge({
    name: "userd_calls_in_progress",
    help: "Calls in progress, over both listeners",
    registers: [registry],
  });
  const limitGauge = new Gauge({
    name: "userd_calls_limit",
    help: "Calls in progress from which on a caller beyond its share is refused; it becomes smaller under load",
    registers: [registry],
  });
  const floods = new Counter({
    name: "userd_floods_total",
    help: "Connections that were ended since they sent more than their calls could need",
    registers: [registry],
  });
  const byCaller = new Counter({
    name: "userd_caller_calls_total",
    help: "Calls that were let in, by caller",
    labelNames: ["caller"],
    registers: [registry],
  });
  return {
    registry,
    text: metricsOf(registry),
    calls: createCallMetrics(registry, labelOf),
    flooded: () => floods.inc(),
    watchCapacity: ({ inProgress, limit, calls, flush }) => {
      // The first that a scrape asks.
      Object.assign(workers, { collect: flush });
      Object.assign(inProgressGauge, { collect: () => inProgressGauge.set(inProgress()) });
      Object.assign(limitGauge, { collect: () => limitGauge.set(limit()) });
      const counted = new Map<string, number>();
      const collect = () => {
        for (const { name, calls: sum } of calls()) {
          // An account that was dropped and opened again counts from 0.
          const before = counted.get(name) ?? 0;
          byCaller.inc({ caller: labelOf(name) }, sum >= before ? sum - before : sum);
          counted.set(name, sum);
        }
      };
      Object.assign(byCaller, { collect });
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
