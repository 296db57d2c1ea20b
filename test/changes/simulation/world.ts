import type { Owner, Scheduler } from "../../cache/simulation/scheduler.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Flaws } from "./bugs.ts";
import { type Cluster, createCluster, highest, type Stored, type Transaction } from "./cluster.ts";

/** What an aggregate was from a moment on, by the real time; -1 = what had expired. */
type Moment = { readonly since: number; readonly stored: Stored | undefined };

/** The state of an aggregate that nobody has written to. */
const nothing: Stored = { version: 0n, xid: 0n, content: 0, expiresAt: Infinity };

/** Whatever all parts of one schedule share. */
export type World = ReturnType<typeof createWorld>;

/** Makes the world of one schedule: a database that can be replaced, the truth about it, and what was noticed. */
export const createWorld = (random: Random, scheduler: Scheduler, flaws: Flaws, trace: ((line: string) => void) | undefined) => {
  const { now } = scheduler;
  const violations: { readonly invariant: string; readonly problem: string }[] = [];
  const truth = new Map<string, Moment[]>();
  let clusters = 0;
  let writes = 0;
  const begin = (nextXid: bigint, nextId: bigint, offset: number, from: readonly Transaction[]): Cluster =>
    createCluster({ epoch: `e${clusters++}`, nextXid, nextId, offset, startedAt: now() }, now, from);
  let cluster = begin(3n, 1n, 1_000_000 + random.below(1_000), []);

  const momentsOf = (aggregate: string): Moment[] => {
    const known = truth.get(aggregate) ?? [{ since: -Infinity, stored: nothing }];
    truth.set(aggregate, known);
    return known;
  };
  const say = (text: () => string): void => trace?.(`${now()} ${text()}`);
  const note = (invariant: string, problem: string): void => {
    say(() => `!! ${invariant}: ${problem}`);
    violations.push({ invariant, problem });
  };

  return {
    random,
    scheduler,
    flaws,
    violations,
    say,
    note,
    cluster: () => cluster,
    counts: { reads: 0, hits: 0, writes: 0, failovers: 0, faults: 0 },
    /** Waits as a message on the network does, or for a while. */
    sleep: (owner: Owner | undefined, milliseconds = random.chance(0.05) ? random.below(30) : random.below(3)): Promise<void> =>
      new Promise((resolve) => void scheduler.after(milliseconds, resolve, owner)),
    newContent: () => ++writes,
    /** Notes a commit. */
    committed: (transaction: Transaction): void => {
      for (const [aggregate, stored] of transaction.stored) momentsOf(aggregate).push({ since: now(), stored });
    },
    /** Returns what an aggregate was at a time, in the database that is there now. */
    at: (aggregate: string, time: number): Stored => {
      const found = momentsOf(aggregate).findLast(({ since }) => since <= time);
      return found?.stored ?? nothing;
    },
    /** Returns the contents that an aggregate has shown within a time, expired ones as -1. */
    contentsWithin: (aggregate: string, from: number, to: number): ReadonlySet<number> => {
      const moments = momentsOf(aggregate);
      const contents = new Set<number>();
      for (const [index, { since, stored = nothing }] of moments.entries()) {
        const until = moments[index + 1]?.since ?? Infinity;
        if (until < from || since > to) continue;
        const expires = stored.expiresAt - cluster.offset;
        if (expires >= Math.max(since, from)) contents.add(stored.content);
        if (expires <= Math.min(until, to)) contents.add(-1);
      }
      return contents;
    },
    /** Replaces the database: by a standby that lacks the last commits, or by a dump in a new cluster, where transaction ids begin low. */
    failover: (isDump: boolean, outageMs: number): void => {
      const old = cluster;
      old.crash();
      const lost = isDump ? random.below(8) : random.below(3);
      const kept = old.commits.slice(0, Math.max(0, old.commits.length - lost));
      scheduler.after(outageMs, () => {
        const nextXid = isDump ? 3n + BigInt(random.below(4)) : old.nextXid() + BigInt(random.below(3));
        const last = highest(kept.flatMap(({ rows }) => rows.map(({ id }) => id)));
        cluster = begin(nextXid, last + 1n, old.offset + random.below(40) - 20, kept);
        for (const [aggregate, moments] of truth)
          moments.push({ since: now(), stored: cluster.durable.versions.get(aggregate) ?? nothing });
        say(() => `failover to ${cluster.epoch}, ${isDump ? "a dump" : "a standby"}, ${lost} commits lost`);
      });
    },
  };
};
