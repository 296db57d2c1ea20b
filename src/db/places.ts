import type { Caller } from "../call.ts";
import { exhausted, withoutStack } from "../errors.ts";

/** Who wants a connection of the pool: a group of statements that wait for the same things, and the caller, if there is one. */
export type Claim = {
  /** For example `read userd.v1.UserService`. One group can't take the last connections of all. */
  readonly group: string;
  readonly caller?: Pick<Caller, "name" | "weight"> | undefined;
  /** The signal that ends the wait. */
  readonly signal?: AbortSignal | undefined;
};

/** The claim of background jobs and commands. */
export const BACKGROUND: Claim = { group: "background" };

/** Returns the name of the service of an RPC, for example `userd.v1.UserService`. */
export const serviceOf = (method: string): string => method.slice(0, Math.max(0, method.lastIndexOf("/"))) || method;

/** The connections that one group has, and its statements that wait for one. */
export type GroupCounts = { used: number; waiting: number; refused: number };

/** The places in the pool of connections. Who has one finds a connection; the pool itself has no queue. */
export type Places = {
  /** Takes a place, or waits for it. Throws RESOURCE_EXHAUSTED OVERLOADED when too many wait, and rejects with it after `patienceMs`. */
  readonly take: (claim: Claim) => Promise<void> | undefined;
  readonly giveBack: (claim: Claim) => void;
  readonly counts: () => ReadonlyMap<string, Readonly<GroupCounts>>;
};

/** The sizes of the pool and of its queue. */
export type PlacesOptions = { readonly size: number; readonly maxWaiting: number; readonly patienceMs: number };

/** Makes places without end, for the embedded database, which has a queue of its own. */
export const createNoPlaces = (): Places => ({ take: () => undefined, giveBack: () => {}, counts: () => new Map() });

type Waiting = {
  readonly claim: Claim;
  readonly counts: GroupCounts;
  readonly since: number;
  readonly settle: (error?: Error) => void;
};

const SWEEP_MS = 50;

/** Makes the error for a statement that gets no connection. */
const overloaded = (message: string): Error => withoutStack(() => exhausted("OVERLOADED", message, { retryAfterMs: 100 }));

/**
 * Makes the places of a pool. A quarter of them is for groups that have hardly any: a group whose statements all wait, such as for a table that
 * somebody has locked, leaves the others their part. Among those that wait, the caller that has the fewest places for its weight is next.
 */
export const createPlaces = ({ size, maxWaiting, patienceMs }: PlacesOptions): Places => {
  const reserve = Math.floor(size / 4);
  /** As many a group may have of the reserve. */
  const few = size >= 8 ? 2 : 1;
  /** The most of one group that may wait: it leaves room for others. */
  const maxOfGroup = Math.ceil((maxWaiting * 3) / 4);
  const groups = new Map<string, GroupCounts>();
  const callers = new Map<string, number>();
  let used = 0;
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;

  const countsOf = (group: string): GroupCounts => {
    const known = groups.get(group);
    if (known !== undefined) return known;
    const counts = { used: 0, waiting: 0, refused: 0 };
    groups.set(group, counts);
    return counts;
  };
  const mayTake = (counts: GroupCounts): boolean => used < size && (size - used > reserve || counts.used < few);
  const usedBy = ({ caller }: Claim): number => (caller === undefined ? 0 : (callers.get(caller.name) ?? 0) / (caller.weight ?? 1));
  const grant = ({ caller }: Claim, counts: GroupCounts): void => {
    used += 1;
    counts.used += 1;
    if (caller !== undefined) callers.set(caller.name, (callers.get(caller.name) ?? 0) + 1);
  };

  const remove = (one: Waiting, error?: Error): void => {
    waiting = waiting.filter((other) => other !== one);
    one.counts.waiting -= 1;
    if (waiting.length === 0) {
      clearInterval(timer);
      timer = undefined;
    }
    one.settle(error);
  };
  const next = (): Waiting | undefined => {
    let best: Waiting | undefined;
    let least = Infinity;
    for (const one of waiting) {
      const share = usedBy(one.claim);
      if (share >= least || !mayTake(one.counts)) continue;
      best = one;
      least = share;
    }
    return best;
  };
  const sweep = () => {
    const latest = performance.now() - patienceMs;
    for (const one of waiting) {
      if (one.since > latest) return;
      one.counts.refused += 1;
      remove(one, overloaded("No connection to the database was free in time; try again."));
    }
  };

  const wait = (claim: Claim, counts: GroupCounts): Promise<void> => {
    const { signal } = claim;
    signal?.throwIfAborted();
    if (waiting.length >= maxWaiting || counts.waiting >= maxOfGroup) {
      counts.refused += 1;
      throw overloaded("As many calls wait for a connection to the database as may wait; try again.");
    }
    timer ??= setInterval(sweep, SWEEP_MS).unref();
    return new Promise((resolve, reject) => {
      const leave = () => remove(one, signal?.reason as Error);
      const settle = (error?: Error) => {
        signal?.removeEventListener("abort", leave);
        if (error === undefined) resolve();
        else reject(error);
      };
      const one: Waiting = { claim, counts, since: performance.now(), settle };
      counts.waiting += 1;
      waiting.push(one);
      signal?.addEventListener("abort", leave, { once: true });
    });
  };

  return {
    take: (claim) => {
      const counts = countsOf(claim.group);
      // Who comes later does not overtake those of its group that wait.
      if (counts.waiting > 0 || !mayTake(counts)) return wait(claim, counts);
      grant(claim, counts);
      return undefined;
    },
    giveBack: ({ group, caller }) => {
      used -= 1;
      countsOf(group).used -= 1;
      if (caller !== undefined) {
        const left = (callers.get(caller.name) ?? 1) - 1;
        if (left > 0) callers.set(caller.name, left);
        else callers.delete(caller.name);
      }
      for (let one = next(); one !== undefined; one = next()) {
        grant(one.claim, one.counts);
        remove(one);
      }
    },
    counts: () => groups,
  };
};
