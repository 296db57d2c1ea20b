import type { Pool, PoolClient } from "pg";

/** The connections of a pool that are in use or wait for their next one. Who has a place (places.ts) finds one. */
export type ConnectionStack<C> = {
  /** Takes a connection: the one that was used last, or a new one if none is free. */
  readonly acquire: () => C | Promise<C>;
  readonly release: (connection: C) => void;
  /** Gives all free connections back to the pool, and from now on each when it is released. Call it before the pool ends. */
  readonly close: () => void;
};

/** The time after which a connection that nobody uses is closed, in milliseconds. A rest between two busy moments is shorter. */
const IDLE_MS = 60_000;

/** A connection as its user knows it; it is told when it has been released. */
type Released = { readonly released: () => void };

/** What is known of a connection besides. */
type Pooled = { readonly client: PoolClient; isLost: boolean; usedAt: number };

/**
 * Makes the connections of a pool, which opens and closes them. Between two statements they stay here: to give them back and to take them out again,
 * with promises, timers and events, costs as much as to read an answer. `hold` makes what users
 * know of a client, and `failed` is told why a connection could not be made.
 */
export const createConnectionStack = <C extends Released>(
  pool: Pool,
  hold: (client: PoolClient) => C,
  failed: (error: unknown) => void,
): ConnectionStack<C> => {
  /** The one that was used last is at the end: a few are kept busy, so that the others can be closed. */
  let free: (C & Pooled)[] = [];
  const held = new WeakMap<PoolClient, C & Pooled>();
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  const sweep = () => {
    const latest = performance.now() - IDLE_MS;
    const idle = free.filter(({ usedAt }) => usedAt <= latest);
    free = free.filter(({ usedAt }) => usedAt > latest);
    // The pool closes what is given back like this, and would keep it for a time of its own otherwise.
    for (const { client } of idle) client.release(true);
    if (free.length > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  const connect = async (): Promise<C> => {
    const client = await pool.connect().catch((error: unknown) => {
      failed(error);
      throw error;
    });
    const known = held.get(client);
    if (known !== undefined) return known;
    const pooled: C & Pooled = Object.assign(hold(client), { client, isLost: false, usedAt: 0 });
    const lost = () => {
      pooled.isLost = true;
      if (!free.includes(pooled)) return;
      free = free.filter((other) => other !== pooled);
      client.release(true);
    };
    held.set(client, pooled);
    client.once("error", lost).once("end", lost);
    return pooled;
  };

  return {
    acquire: () => free.pop() ?? connect(),
    release: (connection) => {
      const pooled = connection as C & Pooled;
      pooled.released();
      // Who waits at the pool itself would wait for ever for what stays here.
      if (isClosed || pooled.isLost || pool.waitingCount > 0) return pooled.client.release(pooled.isLost);
      pooled.usedAt = performance.now();
      free.push(pooled);
      timer ??= setInterval(sweep, IDLE_MS / 4).unref();
    },
    close: () => {
      isClosed = true;
      clearInterval(timer);
      for (const { client } of free) client.release();
      free = [];
    },
  };
};
