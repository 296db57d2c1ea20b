import type { Caller, Rate } from "../../call.ts";
import { type Bucket, createBucket } from "./bucket.ts";

/** What the server keeps of one caller: its calls in progress, its share of a full server, and what is left of its rates. */
export type Account = {
  readonly name: string;
  weight: number;
  /** The weight that is counted while it has calls in progress: the file may change meanwhile. */
  counted: number;
  /** The most calls in progress; Infinity = no limit of its own. */
  concurrency: number;
  inProgress: number;
  /** Those of them that only read. */
  reads: number;
  /** Its calls that a port has let pass in the turn `expectedIn`, and that have not begun yet. */
  expected: number;
  expectedIn: number;
  /** The time that its last call was given that a full server has refused. */
  returnsAt: number;
  /** All of its calls that were taken. */
  calls: number;
  /** As many as `calls` when callers were counted last, and the time at which there were more than before. */
  counts: { calls: number; at: number };
  /** By permission, or `all`. */
  buckets: ReadonlyMap<string, Bucket>;
  /** The caller as it was last seen: a new object when the callers' file was read again. */
  seen: Caller | undefined;
};

/** The most accounts that are kept; callers of an issuer may have any number of names. */
const MAX_ACCOUNTS = 10_000;

const isSame = (one: Rate | undefined, other: Rate): boolean => one?.perSecond === other.perSecond && one.burst === other.burst;

/** Brings an account up to what the callers' file says now. A rate that has not changed keeps its tokens. */
const update = (account: Account, caller: Caller | undefined): void => {
  account.seen = caller;
  account.weight = caller?.weight ?? 1;
  account.concurrency = caller?.limits?.concurrency ?? Infinity;
  const now = performance.now();
  const before = account.buckets;
  const rates = caller?.limits?.rates ?? new Map<string, Rate>();
  account.buckets = new Map(
    [...rates].map(([group, rate]) => {
      const kept = before.get(group);
      return [group, kept !== undefined && isSame(kept.rate, rate) ? kept : createBucket(rate, now)];
    }),
  );
};

/** The accounts of all callers, by their names. */
export type Accounts = {
  /** Returns the account of a caller; all calls without a known caller share one. */
  readonly of: (caller: Caller | undefined) => Account;
  readonly all: () => Iterable<Account>;
  /** Returns how many callers have had calls taken in the last second, as far as it is asked now and then. */
  readonly present: () => number;
};

const PRESENT_MS = 1_000;

/** Makes accounts, of which there are none yet. */
export const createAccounts = (): Accounts => {
  const byName = new Map<string, Account>();
  /** Makes room by an account that nothing would be lost of. */
  const drop = (): void => {
    for (const [name, { inProgress, buckets }] of byName) {
      if (inProgress > 0 || buckets.size > 0) continue;
      byName.delete(name);
      return;
    }
  };
  const open = (name: string): Account => {
    if (byName.size >= MAX_ACCOUNTS) drop();
    const account: Account = {
      name,
      weight: 1,
      counted: 0,
      concurrency: Infinity,
      inProgress: 0,
      reads: 0,
      expected: 0,
      expectedIn: 0,
      returnsAt: 0,
      calls: 0,
      counts: { calls: 0, at: -Infinity },
      buckets: new Map(),
      seen: undefined,
    };
    byName.set(name, account);
    return account;
  };
  return {
    of: (caller) => {
      // No caller has an empty name.
      const name = caller?.name ?? "";
      const account = byName.get(name) ?? open(name);
      if (account.seen !== caller) update(account, caller);
      return account;
    },
    all: () => byName.values(),
    present: () => {
      const now = performance.now();
      let present = 0;
      for (const { calls, counts } of byName.values()) {
        if (calls > counts.calls) Object.assign(counts, { calls, at: now });
        if (now - counts.at < PRESENT_MS) present += 1;
      }
      return present;
    },
  };
};
