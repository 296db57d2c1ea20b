import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { sql } from "kysely";
import type { Logger } from "pino";
import type { Database } from "../db/orm.ts";
import { createSession, type Session } from "../db/session.ts";
import type { OptionRegistry } from "./registry/registry.ts";

const PREFIX = "user_option_find_";

/** The key of the advisory lock of the one instance that aligns indexes; any constant would do. */
const LOCK = 7_523_094_289;

/** The name of a key's index. It has a hash, since a key can be longer than the name of an index. */
const indexName = (key: string): string => `${PREFIX}${createHash("sha256").update(key).digest("hex").slice(0, 16)}`;

/** Takes the lock by asking again and again: a statement that waits has a snapshot, which a concurrent build of an index waits for. */
const lock = async (session: Session): Promise<void> => {
  for (;;) {
    const { locked } = await session.one(sql<{ locked: boolean }>`select pg_try_advisory_lock(${LOCK}) as locked`);
    if (locked) return;
    await setTimeout(100);
  }
};

const align = async (session: Session, kind: Database["kind"], registry: OptionRegistry, log: Logger): Promise<void> => {
  const rows = await session.rows(sql<{ name: string; valid: boolean }>`
      select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = 'user_option'::regclass and starts_with(c.relname, ${PREFIX})`);
  const wanted = new Map(registry.list().flatMap(({ key, indexed }) => (indexed ? [[indexName(key), key] as const] : [])));
  const present = new Set(rows.filter(({ valid }) => valid).map(({ name }) => name));
  // An index that a cut connection has left half-built is invalid.
  const spare = rows.filter(({ name, valid }) => !valid || !wanted.has(name));
  const missing = [...wanted].filter(([name]) => !present.has(name));
  // The embedded database has one connection: nobody is there to be kept waiting.
  const concurrently = sql.raw(kind === "postgres" ? "concurrently" : "");
  for (const { name } of spare) await session.rows(sql`drop index ${concurrently} if exists ${sql.id(name)}`);
  for (const [name, key] of missing) {
    await session.rows(sql`create index ${concurrently} if not exists ${sql.id(name)} on user_option
        (scope_kind, scope_id, jsonb_hash_extended(value, 0), user_id) where key = ${sql.lit(key)}`);
    log.info({ key }, "option indexed");
  }
};

/** Creates and drops indexes of the table user_option so that each key whose definition is `indexed` has one, over the hash of the value. */
export const alignOptionIndexes = (db: Database, registry: OptionRegistry, log: Logger): Promise<void> =>
  db.sql.connection().execute(async (connection) => {
    const session = createSession(connection, db.kinds);
    await lock(session);
    try {
      // An index of a large table takes longer than any call may.
      await session.rows(sql`set statement_timeout = 0`);
      await align(session, db.kind, registry, log);
    } finally {
      await session.rows(sql`reset statement_timeout`);
      await session.rows(sql`select pg_advisory_unlock(${LOCK})`);
    }
  });
