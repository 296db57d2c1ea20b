import { sql } from "kysely";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { inTransaction } from "../db/in-transaction.ts";
import type { Database } from "../db/orm.ts";

/** The background job that removes positions and months of the change log that are kept no longer, and adds the months to come. */
export type Pruner = {
  /** Runs one round now; returns what it removed. */
  readonly prune: () => Promise<{ readonly positions: number; readonly months: readonly string[] }>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** The most rows that one statement deletes: so a round never holds many locks, nor for long. */
const BATCH = 5_000;
const INTERVAL_MS = 60_000;
/** The time between two looks at the months of the log, in milliseconds. */
const MONTHS_MS = 3_600_000;
/** The months that have their partitions beforehand. */
const AHEAD = 2;
/** The longest that a change of partitions waits for a lock, in milliseconds: whoever writes waits behind it. */
const LOCK_MS = 2_000;

/** Deletes the first positions, which were given before the time of retention. Positions are removed from the front only: none is missing between others. */
const prunePositions = (db: Database, hours: number): Promise<number> =>
  db.session().affected(sql`
    with first as (
      select position, place_time >= now() - make_interval(hours => ${hours}) as is_kept from feed order by position limit ${BATCH}
    )
    delete from feed where position in (select position from first)
      and position < coalesce((select min(position) from first where is_kept), (select max(position) + 1 from first))`);

/** Deletes old bumps that have had their positions. */
const pruneBumps = (db: Database, hours: number): Promise<number> =>
  db.session().affected(sql`
    delete from version_bump where (xid, id) in (
      select b.xid, b.id from version_bump b, feed_head h
      where b.bump_time < now() - make_interval(hours => ${hours}) and h.epoch = current_epoch()
        and (b.id <= h.floor_id or pg_visible_in_snapshot(b.xid, h.snapshot))
      order by b.xid, b.id limit ${BATCH} for update of b skip locked
    )`);

/** Adds the months to come, and drops those that ended before the time of retention. */
const turnMonths = (db: Database, days: number): Promise<readonly string[]> =>
  inTransaction(db, "userd pruner", async (tx) => {
    await tx.rows(sql`select set_config('lock_timeout', ${String(LOCK_MS)}, true)`);
    await tx.rows(sql`select change_partitions(${AHEAD})`);
    const rows = await tx.rows(sql<{ name: string }>`select drop_change_partitions(now() - make_interval(days => ${days})) as name`);
    return rows.map(({ name }) => name);
  });

/** Starts the pruner: it runs once a minute until it is disposed. Several processes share the work. */
export const startPruner = (
  db: Database,
  { feed: { retentionHours }, auditRetentionDays }: Pick<Config, "feed" | "auditRetentionDays">,
  log: Logger,
): Pruner => {
  let running: Promise<unknown> = Promise.resolve();
  let turnedAt = -Infinity;
  const untilDone = async (batch: () => Promise<number>): Promise<number> => {
    let total = 0;
    for (let rows = BATCH; rows === BATCH; total += rows) rows = await batch();
    return total;
  };
  const prune: Pruner["prune"] = async () => {
    const positions = await untilDone(() => prunePositions(db, retentionHours));
    await untilDone(() => pruneBumps(db, retentionHours));
    let months: readonly string[] = [];
    if (performance.now() - turnedAt >= MONTHS_MS) {
      months = await turnMonths(db, auditRetentionDays);
      turnedAt = performance.now();
    }
    if (positions + months.length > 0) log.info({ positions, months }, "pruned the change feed");
    return { positions, months };
  };
  const timer = setInterval(() => {
    running = running
      .then(prune)
      .catch((error: unknown) => log.warn({ err: error }, "pruning the change feed failed; the next round tries again"));
  }, INTERVAL_MS);
  timer.unref();
  return {
    prune,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await running;
    },
  };
};
