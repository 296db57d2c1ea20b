import { sql } from "kysely";
import type { Database } from "../db/orm.ts";
import type { VersionedAggregate } from "../versions/aggregate.ts";
import type { Notification } from "../versions/notification.ts";

/** The most changes that one look at the log takes. */
const MAX_CHANGES = 10_000;

/**
 * Starts a poll that reads the change log every `intervalMs` and passes new commits to `notified`, until the poll is disposed. Without
 * Redis, this is how a process learns of the writes of other processes. The poll can miss a commit, which does no harm: notifications are
 * hints.
 */
export const startChangePoll = (db: Database, intervalMs: number, notified: (notification: Notification) => void): Disposable => {
  let last: bigint | undefined;
  let running = false;

  const look = async (): Promise<void> => {
    const session = db.session({ signal: AbortSignal.timeout(intervalMs * 4) });
    if (last === undefined) {
      last = (await session.one(sql<{ id: bigint }>`select coalesce(max(id), 0) as id from changes`)).id;
      return;
    }
    const rows = await session.rows(sql<VersionedAggregate & { epoch: string; last: bigint }>`
      select (select current_epoch()) as epoch, kind, id, max(version) as version, max(change) as last
      from (select id as change, aggregate_kind as kind, aggregate_id as id, version from changes where id > ${last} order by changes.id limit ${MAX_CHANGES}) c
      group by kind, c.id`);
    const [row] = rows;
    if (row === undefined) return;
    for (const { last: change } of rows) if (change > last) last = change;
    notified({ epoch: row.epoch, aggregates: rows.map(({ kind, id, version }) => ({ kind, id, version })) });
  };

  const timer = setInterval(() => {
    if (running) return;
    running = true;
    // A look that fails is followed by the next one; the bound does not depend on it.
    look()
      .catch(() => {})
      .finally(() => {
        running = false;
      });
  }, intervalMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
};
