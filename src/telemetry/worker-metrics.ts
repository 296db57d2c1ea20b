import cluster, { type Worker } from "node:cluster";
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from "prom-client";

/** The metrics of one process, as prom-client lists them. */
type Collected = readonly MetricObjectWithValues<MetricValue<string>>[];

/** A question of a worker to the primary for the metrics of all workers, and its answer. */
type PageMessage = { readonly userd: "metrics"; readonly request: number; readonly text?: string };
/** A question of the primary to a worker for the worker's own metrics, and its answer. */
type OwnMessage = { readonly userd: "own metrics"; readonly request: number; readonly metrics?: Collected };

/** The time that a worker waits for the metrics of the others, in milliseconds. */
const METRICS_TIMEOUT_MS = 6_000;
/** The time that the primary waits for the metrics of one worker, in milliseconds. */
const WORKER_TIMEOUT_MS = 5_000;

const isOf = <M extends PageMessage | OwnMessage>(kind: M["userd"], message: unknown): message is M =>
  typeof message === "object" && message !== null && "userd" in message && message.userd === kind;

/** Makes a list of questions that wait for their answers, which come with the number of their question. */
const createQuestions = <A>() => {
  let last = 0;
  const pending = new Map<number, (answer: A) => void>();
  return {
    answered: (request: number, answer: A): void => pending.get(request)?.(answer),
    ask: (timeoutMs: number, send: (request: number) => void): Promise<A> => {
      const request = ++last;
      const { promise, resolve, reject } = Promise.withResolvers<A>();
      const timer = setTimeout(() => reject(new Error("The workers did not tell their metrics in time.")), timeoutMs);
      pending.set(request, resolve);
      send(request);
      return promise.finally(() => {
        clearTimeout(timer);
        pending.delete(request);
      });
    },
  };
};

/** Makes the function that returns the text of `/metrics`: in a worker, the sums over all workers, since a scrape reaches only one worker. */
export const metricsOf = (registry: Registry): (() => Promise<string>) => {
  if (!cluster.isWorker) return () => registry.metrics();
  const questions = createQuestions<string>();
  process.on("message", async (message: unknown) => {
    if (isOf<PageMessage>("metrics", message)) questions.answered(message.request, message.text ?? "");
    if (!isOf<OwnMessage>("own metrics", message)) return;
    const metrics = (await registry.getMetricsAsJSON()) as unknown as Collected;
    process.send?.({ userd: "own metrics", request: message.request, metrics } satisfies OwnMessage);
  });
  return () => questions.ask(METRICS_TIMEOUT_MS, (request) => process.send?.({ userd: "metrics", request } satisfies PageMessage));
};

/** Tells whether a metric only ever grows: it still counts when its process has ended, unlike a gauge. */
const grows = ({ type, aggregator }: Collected[number]): boolean => aggregator === "sum" && ["counter", "histogram"].includes(String(type));

/** The sums of the metrics of all workers, including workers that have ended. */
export type WorkerSums<W> = {
  /** Stores the metrics that a living worker has reported, in place of its earlier ones. */
  readonly told: (worker: W, metrics: Collected) => void;
  readonly ended: (worker: W) => void;
  /** Makes the text of `/metrics`, with the sums. */
  readonly page: () => Promise<string>;
};

const sumOf = (collected: readonly Collected[]): Registry => AggregatorRegistry.aggregate([...collected] as never[]);
/** Adds up metrics. The results of `aggregate` store their values, unlike other metrics. */
const add = (collected: readonly Collected[]): Collected => sumOf(collected).getMetricsAsArray() as unknown as Collected;

/** A worker, with the last metrics that it reported and those of the workers that it has replaced. */
type Place<W> = { worker: W | undefined; last: Collected; ended: Collected };

/**
 * Makes empty sums of the metrics of workers. Counts of workers that have ended stay in the sums: to Prometheus a count that becomes smaller
 * means that the service was restarted.
 */
export const createWorkerSums = <W>(): WorkerSums<W> => {
  const places: Place<W>[] = [];
  const placeOf = (worker: W | undefined) => places.find((place) => place.worker === worker);
  const newPlace = (): Place<W> => {
    const place = { worker: undefined, last: [], ended: [] };
    places.push(place);
    return place;
  };
  return {
    told: (worker, metrics) => {
      // A new worker takes the place of one that has ended: adding in another order could round a sum down.
      const place = placeOf(worker) ?? placeOf(undefined) ?? newPlace();
      Object.assign(place, { worker, last: metrics });
    },
    ended: (worker) => {
      const place = placeOf(worker);
      if (place === undefined) return;
      // Added up at once: workers may end again and again.
      Object.assign(place, { worker: undefined, last: [], ended: add([place.ended, place.last.filter(grows)]) });
    },
    page: () => sumOf(places.map(({ ended, last }) => add([ended, last]))).metrics(),
  };
};

/** Sends a message to a worker. Without the callback, a worker that ends meanwhile would end the primary with an `error` event. */
const send = (worker: Worker, message: PageMessage | OwnMessage): void => void (worker.isConnected() && worker.send(message, () => {}));

/** Makes the primary process answer workers that ask for the metrics of all workers. */
export const serveWorkerMetrics = (): void => {
  const sums = createWorkerSums<Worker>();
  const questions = createQuestions<void>();
  const waited = new Map<Worker, Set<number>>();

  /** Asks a worker for its metrics. One that answers too late counts with its earlier ones; one that ends is not waited for. */
  const askWorker = (worker: Worker): Promise<void> => {
    const own = waited.get(worker) ?? new Set();
    waited.set(worker, own);
    let asked = 0;
    const answer = questions.ask(WORKER_TIMEOUT_MS, (request) => {
      asked = request;
      own.add(request);
      send(worker, { userd: "own metrics", request });
    });
    return answer.catch(() => {}).finally(() => own.delete(asked));
  };
  const page = async (): Promise<string> => {
    const alive = Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected() === true);
    await Promise.all(alive.map((worker) => askWorker(worker as Worker)));
    return sums.page();
  };
  cluster.on("message", (worker, message: unknown) => {
    if (isOf<OwnMessage>("own metrics", message)) {
      // What comes after the end of its worker would count twice.
      if (message.metrics !== undefined && !worker.isDead()) sums.told(worker, message.metrics);
      questions.answered(message.request);
    }
    if (!isOf<PageMessage>("metrics", message)) return;
    const answer = (text: string) => send(worker, { userd: "metrics", request: message.request, text });
    page().then(answer, () => answer(""));
  });
  cluster.on("exit", (worker) => {
    sums.ended(worker);
    for (const request of waited.get(worker) ?? []) questions.answered(request);
    waited.delete(worker);
  });
};
