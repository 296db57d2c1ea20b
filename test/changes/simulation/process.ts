import type { Certificate } from "../../../clients/typescript/src/near-cache/protocol.ts";
import type { FeedMessage } from "../../../clients/typescript/src/near-cache/watch.ts";
import { createSequencer, type Sequencer } from "../../../src/changes/sequencer.ts";
import type { FeedState, PassTransaction, SequencerDatabase } from "../../../src/changes/sequencer-ports.ts";
import { safeSequencing } from "../../../src/changes/sequencing.ts";
import type { Owner } from "../../cache/simulation/scheduler.ts";
import type { Bug } from "./bugs.ts";
import { type Cluster, highest, type Transaction } from "./cluster.ts";
import type { World } from "./world.ts";

/** The answer to a read: the content of each aggregate, and what the service certifies. */
export type Answered = { readonly contents: readonly number[]; readonly certificate: Certificate };

/** The error of a position that leads nowhere any more. */
export class PositionLost extends Error {
  override readonly name = "PositionLost";
}

/** A process of the service. */
export type Process = ReturnType<typeof createProcess>;

/** The most rows of a message of a stream. */
const MESSAGE_ROWS = 3;
const BOOKMARK_MS = 100;

const checkOnce = ({ note }: World, { durable }: Cluster, { feed }: Transaction): void => {
  for (const { id, position } of feed) {
    if (durable.feed.some((placed) => placed.id === id)) note("once per position", `row ${id} has a second position, ${position}`);
    if (durable.feed.some((placed) => placed.position === position)) note("once per position", `position ${position} is given twice`);
  }
};

/** What was committed before the time of a state has a position up to that of the state. */
const checkState = ({ note }: World, { durable, commits, offset }: Cluster, { position, time }: FeedState): void => {
  if (time === undefined) return;
  const placed = new Map(durable.feed.map((row) => [row.id, row.position]));
  for (const { rows, committedAt } of commits) {
    if (committedAt + offset >= time) continue;
    for (const { id } of rows) {
      const at = placed.get(id);
      if (at === undefined || at > position)
        note("vouched", `row ${id}, committed at ${committedAt}, is not before ${position}, vouched for at ${time - offset}`);
    }
  }
};

/** Makes the database as the sequencer of a process sees it. */
const createDatabase = (world: World, owner: Owner, transactions: Set<Transaction>): SequencerDatabase => {
  const { flaws, sleep } = world;
  const epochOf = ({ epoch }: Cluster): string => (flaws.oneEpoch === true ? "e0" : epoch);
  return {
    look: async () => {
      await sleep(owner);
      const cluster = world.cluster();
      if (cluster.isDown()) throw new Error("the database is gone");
      const begun = cluster.time();
      await sleep(owner, world.random.below(2));
      if (cluster.isDown()) throw new Error("the database is gone");
      const { head } = cluster.durable;
      const isBehind = cluster.isBehind() && !(flaws.lockedHeadIsDone === true && cluster.isHeadTaken());
      const databaseTime = begun;
      await sleep(owner);
      return {
        epoch: epochOf(cluster),
        headEpoch: head.epoch,
        position: head.position,
        databaseTime: flaws.timeOfTheEnd === true ? cluster.time() : databaseTime,
        isBehind,
      };
    },
    pass: async (body) => {
      await sleep(owner);
      const cluster = world.cluster();
      const transaction = cluster.begin();
      transactions.add(transaction);
      const databaseTime = cluster.time();
      const early = cluster.snapshot();
      const tx: PassTransaction = {
        lockHead: async () => {
          await sleep(owner);
          if (!cluster.takeHead(transaction, flaws.headIsNotLocked !== true)) return undefined;
          return { head: cluster.durable.head, epoch: epochOf(cluster), databaseTime };
        },
        lockLog: async () => {
          for (let waited = 0; flaws.logIsNotLocked !== true && !cluster.takeLog(transaction); waited += 5) {
            if (waited > 5_000) throw new Error("lock timeout");
            await sleep(owner, 5);
          }
          await sleep(owner);
          return highest(cluster.durable.log.map(({ id }) => id));
        },
        find: async (wanted, head) => {
          await sleep(owner);
          const found = cluster.find(wanted, head, flaws.findsWithOlderSnapshot === true ? early : undefined);
          await sleep(owner);
          if (flaws.storesLaterSnapshot === true) return { ...found, snapshot: cluster.snapshot() };
          return flaws.storesEarlierSnapshot === true ? { ...found, snapshot: early } : found;
        },
        store: async (placed) => {
          await sleep(owner);
          cluster.store(transaction, placed);
        },
        forgetTransactions: async () => {
          transaction.forgets = flaws.remembersTransactions !== true;
        },
      };
      try {
        const result = await body(tx);
        await sleep(owner);
        checkOnce(world, cluster, transaction);
        cluster.commit(transaction);
        world.say(
          () =>
            `pass: ${transaction.feed.map(({ id, position, aggregateId, version }) => `${position}=${id} ${aggregateId}@${version}`).join(" ")}`,
        );
        await sleep(owner);
        return result;
      } finally {
        cluster.abort(transaction);
        transactions.delete(transaction);
      }
    },
  };
};

/** Makes a process: its sequencer is the real one. */
export const createProcess = (world: World, bug: Bug | undefined, name: string, configuration: string, limit: number) => {
  const { scheduler, sleep, random, flaws } = world;
  const owner: Owner = { pausedUntil: 0, dead: false };
  const transactions = new Set<Transaction>();
  const clock = {
    now: scheduler.now,
    after: (milliseconds: number, task: () => void) => {
      const event = scheduler.after(milliseconds, task, owner);
      return () => {
        event.cancelled = true;
      };
    },
  };
  const rules = { ...safeSequencing, ...bug?.sequencing?.(safeSequencing) };
  const limits = { intervalMs: 250, gapMs: 2, limit };
  const sequencer: Sequencer = createSequencer(createDatabase(world, owner, transactions), clock, limits, () => {}, rules);
  let waiting: (() => void)[] = [];
  sequencer.onState((state) => {
    const cluster = world.cluster();
    if (state.epoch === cluster.epoch) checkState(world, cluster, state);
    for (const wake of waiting.splice(0)) wake();
  });
  sequencer.start();
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      clock.after(BOOKMARK_MS, resolve);
    });

  return {
    name,
    owner,
    sequencer,
    configuration,
    /** Ends the process; the database notices later. */
    crash: (): void => {
      owner.dead = true;
      waiting = [];
      const cluster = world.cluster();
      scheduler.after(random.below(100), () => {
        for (const transaction of transactions) cluster.abort(transaction);
      });
    },
    /** Writes to aggregates in one transaction; returns the time of its commit. */
    write: async (aggregates: readonly string[], pauseMs: number): Promise<number> => {
      await sleep(owner);
      const cluster = world.cluster();
      const transaction = cluster.begin();
      transactions.add(transaction);
      try {
        for (const aggregate of [...aggregates].sort()) {
          await cluster.lock(transaction, aggregate);
          await sleep(owner);
        }
        const isEarly = random.chance(0.5);
        if (!isEarly) await sleep(owner, pauseMs);
        for (const aggregate of aggregates) {
          while (cluster.isLogLocked()) await sleep(owner, 2);
          const expiresAt = random.chance(0.3) ? cluster.time() + 200 + random.below(1_500) : Infinity;
          cluster.write(transaction, aggregate, world.newContent(), expiresAt, flaws.bumpWithoutRow !== true || random.chance(0.8));
          await sleep(owner);
        }
        if (isEarly) await sleep(owner, pauseMs);
        cluster.commit(transaction);
        world.committed(transaction);
        world.counts.writes += 1;
        world.say(
          () =>
            `${name} committed ${[...transaction.stored].map(([of, { version, content, expiresAt }]) => `${of}@${version}=${content}<${expiresAt - cluster.offset}`).join(" ")} as ${transaction.xid}`,
        );
        const committedAt = scheduler.now();
        if (random.chance(0.7)) sequencer.told();
        await sleep(owner);
        return committedAt;
      } finally {
        cluster.abort(transaction);
        transactions.delete(transaction);
      }
    },
    /** Answers a read by what its cache could have: some state within the bound, and not before `least`. */
    answer: async (aggregates: readonly string[], staleMs: number, least: number): Promise<Answered> => {
      await sleep(owner);
      const cluster = world.cluster();
      if (cluster.isDown()) throw new Error("the database is gone");
      const at = Math.max(cluster.startedAt, least, scheduler.now() - staleMs);
      const stored = aggregates.map((aggregate) => world.at(aggregate, at));
      const time = at + cluster.offset;
      const contents = stored.map(({ content, expiresAt }) => (expiresAt <= time ? -1 : content));
      const validUntil = Math.min(...stored.map(({ expiresAt }) => (expiresAt <= time ? Infinity : expiresAt)));
      const certificate = {
        aggregates: aggregates.map((aggregate, index) => ({ aggregate, version: stored[index]?.version ?? 0n })),
        time,
        validUntil,
        epoch: flaws.oneEpoch === true ? "e0" : cluster.epoch,
        configuration,
      };
      await sleep(owner);
      return { contents, certificate };
    },
    /** Answers GetFeedPosition: the time of the database. */
    databaseTime: async (): Promise<{ readonly time: number; readonly epoch: string }> => {
      await sleep(owner);
      const { epoch } = await sequencer.run();
      const cluster = world.cluster();
      if (cluster.isDown()) throw new Error("the database is gone");
      const time = cluster.time();
      // A slow answer, which makes a difference to who compares clocks by its arrival.
      await sleep(owner, random.chance(0.3) ? random.below(95) : undefined);
      return { time, epoch };
    },
    /** Streams the feed behind a position; `deliver` takes a message, and returns false when nobody listens any more. */
    watch: async (position: string | undefined, kinds: readonly string[], deliver: (message: FeedMessage) => boolean): Promise<void> => {
      await sleep(owner);
      let state = await sequencer.run();
      const [epoch = "", number = "0"] = position?.split(":") ?? [];
      if (position !== undefined && epoch !== state.epoch && flaws.resumesAnyEpoch !== true) throw new PositionLost();
      // It may be older than what is kept.
      if (position !== undefined && random.chance(0.1)) throw new PositionLost();
      let sent = position === undefined || flaws.resumesAtHead === true ? state.position : BigInt(number);
      const begun = state.epoch;
      const bookmark = (time: number | undefined) => ({
        position: `${state.epoch}:${sent}`,
        time: flaws.bookmarkOfTheFuture === true ? world.cluster().time() : time,
        epoch: state.epoch,
        configuration,
      });
      if (!deliver({ changes: [], bookmark: bookmark(sent === state.position ? state.time : undefined) })) return;
      for (;;) {
        state = sequencer.state() ?? state;
        if (state.epoch !== begun) throw new Error("another epoch");
        await sleep(owner);
        const cluster = world.cluster();
        if (cluster.isDown()) throw new Error("the database is gone");
        const { position: head } = state;
        const rows = cluster.durable.feed
          .filter((row) => row.position > sent && row.position <= head)
          .sort((a, b) => (a.position < b.position ? -1 : 1))
          .slice(0, MESSAGE_ROWS);
        const changes = rows
          .filter(({ aggregateKind }) => kinds.includes(aggregateKind))
          .map(({ aggregateKind, aggregateId, version }) => ({ aggregate: `${aggregateKind}/${aggregateId}`, version }));
        if (flaws.bookmarkBeforeChanges === true && !deliver({ changes: [], bookmark: bookmark(state.time) })) return;
        if (flaws.bookmarkBeforeChanges === true) await sleep(owner);
        sent = rows.length === MESSAGE_ROWS ? (rows.at(-1)?.position ?? head) : head > sent ? head : sent;
        const isAtHead = sent === head;
        if (!deliver({ changes, bookmark: isAtHead ? bookmark(state.time) : undefined })) return;
        if (isAtHead) await next();
      }
    },
  };
};
