import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Caller, Rate } from "../../call.ts";
import type { Rpc } from "../rpc.ts";
import { type Account, createAccounts } from "./account.ts";
import { createAdaptiveLimit } from "./adaptive-limit.ts";
import { rateFields } from "./rate-fields.ts";
import { closedRefusal, concurrencyRefusal, createFullRefusals, createRateRefusals, lateRefusal, type Refusal } from "./refusal.ts";
import { shareOf } from "./share.ts";

/** The capacity of the server: which calls may begin, and which are refused before any work. */
export type Capacity = {
  /** Tells whether some call might be refused now; if not, nobody need look who calls. */
  readonly isWatchful: () => boolean;
  /** Tells whether so many calls were in progress lately that beginning another one may take the event loop long. */
  readonly isBusy: () => boolean;
  /**
   * Returns why a call would be refused now; undefined = it may begin. Changes nothing, so that a port can ask before a call has arrived
   * as a whole. `leftMs` is the time that the caller still waits.
   */
  readonly look: (rpc: Rpc, caller: Caller | undefined, leftMs: number) => Refusal | undefined;
  /** Looks, and counts those that are expected in this turn as well. */
  readonly lookAhead: Capacity["look"];
  /**
   * Notes that a port lets a call pass, which will begin in this turn of the event loop; it counts for those that the port looks at after it. undefined
   * = a caller that the port does not know.
   */
  readonly expect: (caller: Caller | undefined) => void;
  /** Begins a turn of the event loop: nobody is expected any more. */
  readonly beginTurn: () => void;
  /** Lets a call begin, which has to `leave` exactly once; or returns why not. */
  readonly enter: (rpc: Rpc, caller: Caller, leftMs: number) => Refusal | Account;
  readonly leave: (rpc: Rpc, account: Account) => void;
  /** Remembers who sent an `authorization` header, so that a port knows whose call it refuses. */
  readonly remember: (authorization: string | undefined, caller: Caller) => void;
  /** Returns who sent this header lately, whether or not it is still good: for refusals alone. undefined = nobody. */
  readonly remembered: (authorization: string | undefined) => Caller | undefined;
  /** Returns the `RateLimit` fields of an answer to a caller that has rates; undefined for others. */
  readonly fields: (rpc: Rpc, account: Account) => Readonly<Record<string, string>> | undefined;
  readonly inProgress: () => number;
  /** Returns the open streams that mostly wait, which take no places. */
  readonly waiting: () => number;
  readonly limit: () => number;
  /** Returns the calls taken so far by each caller. */
  readonly calls: () => Iterable<Pick<Account, "name" | "calls">>;
  /** Refuses all calls from now on: the last phase of a drain. */
  readonly close: () => void;
  readonly stop: () => void;
};

/** The most headers whose senders are remembered. */
const MAX_REMEMBERED = 1_000;
/** The time after which a sender has to be found anew, in milliseconds: the callers' file may have other limits for it since. */
const REMEMBERED_MS = 1_000;

/** Returns the key of a header, which is not to be read in memory. */
const keyOf = (authorization: string): string => (authorization === "" ? "" : hash("sha256", authorization, "base64"));

/** The caller that needs no header. */
const LOCAL = "local";

/** The bucket of a caller that has no token for a call: its group, and the milliseconds until it has one. */
type Empty = { readonly group: string; readonly rate: Rate; readonly waitMs: number };

const groupsOf = ({ permission }: Rpc): readonly [string, string] => ["all", permission];

const emptyOf = (rpc: Rpc, { buckets }: Account, now: number): Empty | undefined => {
  for (const group of groupsOf(rpc)) {
    const bucket = buckets.get(group);
    const waitMs = bucket?.waitMs(now) ?? 0;
    if (bucket !== undefined && waitMs > 0) return { group, rate: bucket.rate, waitMs };
  }
  return undefined;
};

/**
 * Makes the capacity of a server that takes at most `max` calls at once. A full server takes a call of a caller that has fewer in progress than its share: the
 * limit, divided among the callers that have calls in progress by their weights.
 */
export const createCapacity = (max: number, least = max): Capacity => {
  const accounts = createAccounts();
  const limit = createAdaptiveLimit({ max, least }, () => accounts.present() > 1);
  const senders = new LRUCache<string, Caller>({ max: MAX_REMEMBERED, ttl: REMEMBERED_MS });
  const [closed, full, late, tooMany, byRate] = [
    closedRefusal(),
    createFullRefusals(),
    lateRefusal(),
    concurrencyRefusal(),
    createRateRefusals(),
  ];
  let isClosed = false;
  /** Whether any caller has limits of its own. */
  let hasLimits = false;
  let inProgress = 0;
  /** Streams last long and mostly wait: they have the fixed limit alone. */
  let streams = 0;
  let waiting = 0;
  /** The unary calls in progress that only read. */
  let reads = 0;
  /** The weights of all callers that have calls in progress. */
  let weights = 0;

  let turn = 0;
  let expected = 0;

  const isFull = (rpc: Rpc, account: Account, coming: number, ownComing: number): boolean => {
    const { weight } = account;
    if (inProgress + streams + coming >= 2 * max) return true;
    // Writes that wait, for a lock or for the database, leave reads alone: most of those are answered from memory.
    const own = (rpc.isRead ? account.reads : account.inProgress) + ownComing;
    const unary = rpc.isRead ? reads : inProgress;
    const [most, count] = rpc.kind === "unary" ? [limit.current(), unary + coming] : [max, inProgress + streams + coming];
    if (count < most) return false;
    const all = account.inProgress > 0 ? weights : weights + weight;
    return own >= shareOf({ own, count, limit: most, least: Math.min(least, max), weight, weights: all });
  };

  const refusalOf = (rpc: Rpc, account: Account, leftMs: number, coming = 0, ownComing = 0): Refusal | undefined => {
    if (isClosed) return closed;
    if (account.concurrency < Infinity || account.buckets.size > 0) {
      hasLimits = true;
      if (!rpc.waits && account.inProgress >= account.concurrency) return tooMany;
      const empty = account.buckets.size > 0 ? emptyOf(rpc, account, performance.now()) : undefined;
      if (empty !== undefined) return byRate(empty.group, empty.rate, empty.waitMs);
    }
    if (rpc.waits) return undefined;
    if (isFull(rpc, account, coming, ownComing)) return full(account);
    return leftMs > 0 && leftMs < limit.delayMs() ? late : undefined;
  };

  return {
    isWatchful: () => isClosed || hasLimits || inProgress + expected >= limit.current() || inProgress + expected + streams >= max,
    isBusy: limit.isWatching,
    look: (rpc, caller, leftMs) => refusalOf(rpc, accounts.of(caller), leftMs),
    lookAhead: (rpc, caller, leftMs) => {
      limit.noteTurn();
      const account = accounts.of(caller);
      return refusalOf(rpc, account, leftMs, expected, account.expectedIn === turn ? account.expected : 0);
    },
    expect: (caller) => {
      expected += 1;
      if (caller === undefined) return;
      const account = accounts.of(caller);
      account.expected = account.expectedIn === turn ? account.expected + 1 : 1;
      account.expectedIn = turn;
    },
    beginTurn: () => {
      turn += 1;
      expected = 0;
    },
    enter: (rpc, caller, leftMs) => {
      limit.noteTurn();
      const account = accounts.of(caller);
      if (expected > 0) {
        expected -= 1;
        if (account.expected > 0) account.expected -= 1;
      }
      const refusal = refusalOf(rpc, account, leftMs);
      if (refusal !== undefined) return refusal;
      if (account.buckets.size > 0) {
        const now = performance.now();
        for (const group of groupsOf(rpc)) account.buckets.get(group)?.take(now);
      }
      account.calls += 1;
      if (rpc.waits) {
        waiting += 1;
        return account;
      }
      if (account.inProgress === 0) {
        account.counted = account.weight;
        weights += account.weight;
      }
      account.inProgress += 1;
      if (rpc.isRead) account.reads += 1;
      if (rpc.kind === "unary") {
        if (rpc.isRead) reads += 1;
        limit.began(++inProgress);
      } else streams += 1;
      return account;
    },
    leave: (rpc, account) => {
      limit.noteTurn();
      if (rpc.waits) {
        waiting -= 1;
        return;
      }
      account.inProgress -= 1;
      if (account.inProgress === 0) weights -= account.counted;
      if (rpc.isRead) account.reads -= 1;
      if (rpc.kind === "unary") {
        if (rpc.isRead) reads -= 1;
        inProgress -= 1;
      } else streams -= 1;
    },
    remember: (authorization, caller) => {
      const header = authorization ?? (caller.name === LOCAL ? "" : undefined);
      if (header !== undefined) senders.set(keyOf(header), caller);
    },
    remembered: (authorization = "") => senders.get(keyOf(authorization)),
    fields: (rpc, { buckets }) => {
      if (buckets.size === 0) return undefined;
      const now = performance.now();
      const own = groupsOf(rpc).flatMap((group) => {
        const bucket = buckets.get(group);
        return bucket === undefined ? [] : [{ group, rate: bucket.rate, left: bucket.left(now), waitMs: bucket.waitMs(now) }];
      });
      return own.length === 0 ? undefined : rateFields(own);
    },
    inProgress: () => inProgress + streams,
    waiting: () => waiting,
    limit: limit.current,
    calls: accounts.all,
    close: () => {
      isClosed = true;
    },
    stop: limit.stop,
  };
};
