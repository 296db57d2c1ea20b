import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry as MetricsRegistry } from "prom-client";
import { processClock } from "../cache/process-clock.ts";
import type { Config } from "../config.ts";
import type { OwnedDatabase } from "../db/open.ts";
import { type DomainError, outOfRange } from "../errors.ts";
import { createAuditChain } from "./audit-chain.ts";
import { readEarliest, readFeed } from "./feed-change.ts";
import { createFeedPositions, type FeedPositions } from "./feed-position.ts";
import { createSequencer, type Sequencer } from "./sequencer.ts";
import { createSequencerDatabase } from "./sequencer-database.ts";
import type { FeedSource } from "./watcher.ts";
import { createWatchers, type Watchers } from "./watchers.ts";

/** The feed of this process: its sequencer, its watchers, and the positions that callers see. */
export type Feed = {
  readonly sequencer: Sequencer;
  readonly watchers: Watchers;
  readonly positions: FeedPositions;
  /** Returns the position behind which the earliest change stands that is kept. */
  readonly earliest: () => Promise<bigint>;
  /** Makes the error for a position whose changes are no longer kept. */
  readonly expired: () => Promise<DomainError>;
  /** Hears that another process has committed: watchers here need not wait for the next look. */
  readonly heard: () => void;
  /** Gives positions by itself until disposed; without it, only when somebody asks. */
  readonly start: () => AsyncDisposable;
};

/** The sequencer looks by itself four times a second, and takes a pass at most every 20 ms. */
const LIMITS = { intervalMs: 250, gapMs: 20, limit: 5_000 };

/** Makes a timestamp of a time of the database in milliseconds, rounded down to the microsecond. */
export const timestampOf = (milliseconds: number) => {
  const whole = Math.floor(milliseconds);
  const { seconds, nanos } = timestampFromMs(whole);
  return { seconds, nanos: nanos + Math.floor((milliseconds - whole) * 1_000) * 1_000 };
};

const watch = (metrics: MetricsRegistry, sequencer: Sequencer, watchers: Watchers): void => {
  new Gauge({
    name: "userd_feed_watchers",
    help: "Open streams of changes",
    registers: [metrics],
    collect() {
      this.set(watchers.size());
    },
  });
  new Counter({
    name: "userd_feed_rows_total",
    help: "Rows of the change feed that this process has given positions",
    registers: [metrics],
    collect() {
      this.reset();
      this.inc(sequencer.counts().rows);
    },
  });
};

/** Makes the feed of this process over a database. */
export const createFeed = (db: OwnedDatabase, { feed }: Pick<Config, "feed">, log: Logger, metrics: MetricsRegistry): Feed => {
  const failed = (error: unknown) => log.warn({ err: error }, "the change feed could not be read; the next look tries again");
  const sequencer = createSequencer(
    createSequencerDatabase(db, feed.isChained ? createAuditChain(db.secretKey) : undefined),
    processClock,
    LIMITS,
    failed,
  );
  const positions = createFeedPositions(db.secretKey);
  const session = () => db.session({ signal: AbortSignal.timeout(10_000), group: "read changes" });
  const earliest = () => readEarliest(session());
  const expired = async () => {
    const position = positions.issue({ epoch: sequencer.state()?.epoch ?? "", position: await earliest() });
    return outOfRange("POSITION_EXPIRED", "The changes behind this position are no longer kept: begin with a snapshot.", {
      metadata: { earliest: position },
    });
  };
  const reading = (what: Parameters<typeof readFeed>[1]) => {
    const epoch = sequencer.state()?.epoch ?? "";
    return readFeed(session(), what, (position) => positions.issue({ epoch, position }));
  };
  const source: FeedSource = {
    read: (after, limit) => reading({ after, limit }),
    readOf: (aggregates, after, upTo) => reading({ after, upTo, aggregates, limit: Number(upTo - after) }),
    expired,
    failed,
  };
  const watchers = createWatchers(source, feed.maxWatchers);
  sequencer.onState(watchers.learn);
  watch(metrics, sequencer, watchers);
  return {
    sequencer,
    watchers,
    positions,
    earliest,
    expired,
    heard: () => {
      if (watchers.size() > 0) sequencer.heard();
    },
    start: () => {
      sequencer.start();
      return { [Symbol.asyncDispose]: sequencer.stop };
    },
  };
};
