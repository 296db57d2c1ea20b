import cluster from "node:cluster";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { OwnedDatabase } from "../db/open.ts";
import { isUnreachable } from "../db/unreachable.ts";
import { type Cache, createCache } from "./cache.ts";
import { startChangePoll } from "./change-poll.ts";
import { processClock } from "./process-clock.ts";
import { openWorkerBus, type WorkerChannel } from "./worker-bus.ts";

/** The life of an entry, in milliseconds. Entries are never invalidated; they only expire. */
export const ENTRY_TTL_MS = 5 * 60_000;

/** The time between two sweeps of what has expired, in milliseconds. */
export const EXPIRY_MS = 30_000;

/** The cache of this process. Disposing it closes its connections to Redis and stops its poll of the change log. */
export type OpenCache = Cache &
  AsyncDisposable & {
    /** Calls a function whenever another process has told of a commit. */
    readonly onNotified: (listener: () => void) => void;
  };

/** Opens the cache that the setting CACHE_URL names. */
export const openCache = async (db: OwnedDatabase, { cache }: Pick<Config, "cache">, log: Logger): Promise<OpenCache> => {
  const { url, isCaching, maxBytes } = cache;
  // Nothing would ever be read that is cached: so nothing is.
  const boundMs = isCaching ? cache.boundMs : 0;
  const stack = new AsyncDisposableStack();
  // Loaded when needed: most processes share nothing.
  const redis = url.kind === "redis" ? stack.use((await import("./redis.ts")).openRedis(url, db.secretKey, log)) : undefined;
  // Redis tells workers of one machine, too.
  const workers = cluster.isWorker && url.kind === "memory" ? openWorkerBus(process as WorkerChannel) : undefined;
  const opened = createCache(
    { clock: processClock, store: redis?.store, bus: redis?.bus ?? workers?.bus, isUnreachable },
    { boundMs, ttlMs: ENTRY_TTL_MS, maxBytes },
  );
  const sweep = setInterval(opened.level1.expire, EXPIRY_MS).unref();
  stack.defer(() => clearInterval(sweep));
  const listeners: (() => void)[] = [];
  const notified: Cache["notified"] = (notification) => {
    opened.notified(notification);
    for (const listener of listeners) listener();
  };
  workers?.listen(notified);
  if (redis !== undefined) redis.listen(notified);
  // The embedded database belongs to this process: nobody else writes to it.
  else if (url.kind === "memory" && db.kind === "postgres") stack.use(startChangePoll(db, boundMs / 4, notified));
  return { ...opened, onNotified: (listener) => void listeners.push(listener), [Symbol.asyncDispose]: () => stack.disposeAsync() };
};
