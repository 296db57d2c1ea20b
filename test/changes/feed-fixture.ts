import { sql } from "kysely";
import { processClock } from "../../src/cache/process-clock.ts";
import { createSequencer, type Sequencer } from "../../src/changes/sequencer.ts";
import { createSequencerDatabase } from "../../src/changes/sequencer-database.ts";
import type { Sequencing } from "../../src/changes/sequencing.ts";
import type { Database } from "../../src/db/orm.ts";
import { unique } from "../support/build.ts";

/** A row of the feed, with the key of what changed; null for a bump. */
export type FeedRow = { readonly position: bigint; readonly aggregate: string; readonly version: bigint; readonly key: string | null };

/** A sequencer that runs only when a test says so. */
export const sequencerOf = (db: Database, limit = 1_000, rules?: Sequencing): Sequencer =>
  createSequencer(createSequencerDatabase(db), processClock, { intervalMs: 3_600_000, gapMs: 0, limit }, () => {}, rules);

/** The rows of the feed behind a position. */
export const feedAfter = async (db: Database, position: bigint): Promise<readonly FeedRow[]> => {
  const { rows } = await sql<FeedRow>`
    select f.position, f.aggregate_kind || '/' || f.aggregate_id as aggregate, f.version, c.kind || ':' || c.key as key
    from feed f left join changes c on c.id = f.change_id where f.position > ${position} order by 1`.execute(db.sql);
  return rows;
};

/** Adds a user by SQL. */
export const addUser = async (db: Pick<Database, "sql">): Promise<bigint> => {
  const name = unique("n");
  const { rows } = await sql<{ id: bigint }>`
    insert into users (username, username_canonical) values (${name}, ${name}) returning id`.execute(db.sql);
  return rows[0]?.id ?? 0n;
};

/** Sets an option of a user by SQL. */
export const setOption = (db: Pick<Database, "sql">, userId: bigint, key: string, value = "1") =>
  sql`insert into user_option (user_id, scope_kind, scope_id, key, value) values (${userId}, 0, 0, ${key}, ${value}::jsonb)
    on conflict (user_id, scope_kind, scope_id, key) do update set value = excluded.value`.execute(db.sql);
