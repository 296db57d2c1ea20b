import type { MaybePromise } from "../call.ts";
import { exhausted, withoutStack } from "../errors.ts";

/** The writes of this process to one aggregate that go on at once: one has its lock, and the next is ready to take it. */
const AT_ONCE = 2;
/** The most writes to one aggregate that wait in this process; they wait without a connection. */
const MAX_WAITING = 200;
/** The most aggregates of a write that waits for its turn; a larger one waits in the database alone. */
const MAX_AGGREGATES = 16;

type Queue = { active: number; readonly waiting: (() => void)[] };

/** The turns of writes to the same aggregates. They are about connections: the locks are those of the database. */
export type Turns = {
  /**
   * Waits until it is the turn of a write to all of its aggregates, named by their keys in an order that all writes have. Returns the function
   * that ends the turn. Rejects with RESOURCE_EXHAUSTED WRITE_QUEUE_FULL when too many wait.
   */
  readonly take: (keys: readonly string[], signal: () => AbortSignal) => MaybePromise<() => void>;
};

const full = (): Error =>
  withoutStack(() =>
    exhausted("WRITE_QUEUE_FULL", `${MAX_WAITING} writes to the same user, organization or account wait; try again later.`, {
      retryAfterMs: 250,
    }),
  );

/** Makes turns, which nobody has taken yet. */
export const createTurns = (): Turns => {
  const queues = new Map<string, Queue>();

  const end = (key: string): void => {
    const queue = queues.get(key);
    if (queue === undefined) return;
    const next = queue.waiting.shift();
    if (next !== undefined) next();
    else if (--queue.active === 0) queues.delete(key);
  };
  const begin = (key: string, signal: () => AbortSignal): Promise<void> | undefined => {
    const queue = queues.get(key) ?? { active: 0, waiting: [] };
    queues.set(key, queue);
    if (queue.active < AT_ONCE) {
      queue.active += 1;
      return undefined;
    }
    if (queue.waiting.length >= MAX_WAITING) return Promise.reject(full());
    const ended = signal();
    return new Promise((resolve, reject) => {
      const go = () => {
        ended.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        queue.waiting.splice(queue.waiting.indexOf(go), 1);
        reject(ended.reason);
      };
      if (ended.aborted) return reject(ended.reason);
      queue.waiting.push(go);
      ended.addEventListener("abort", leave, { once: true });
    });
  };
  const endFirst = (keys: readonly string[], count: number): void => {
    for (let index = 0; index < count; index += 1) end(keys[index] as string);
  };
  /** Begins the turns from one of the keys on; those before it have begun. */
  const beginFrom = (keys: readonly string[], from: number, signal: () => AbortSignal): Promise<() => void> | undefined => {
    for (let index = from; index < keys.length; index += 1) {
      const turn = begin(keys[index] as string, signal);
      if (turn === undefined) continue;
      const next = () => beginFrom(keys, index + 1, signal) ?? (() => endFirst(keys, keys.length));
      return turn
        .catch((error: unknown) => {
          endFirst(keys, index);
          throw error;
        })
        .then(next);
    }
    return undefined;
  };
  return {
    take: (keys, signal) => {
      if (keys.length > MAX_AGGREGATES) return () => {};
      return beginFrom(keys, 0, signal) ?? (() => endFirst(keys, keys.length));
    },
  };
};
