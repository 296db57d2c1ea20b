import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import pRetry from "p-retry";
import type { Logger } from "pino";
import { migrations } from "../schema/migrations/index.ts";
import { isContention } from "./faults.ts";
import { inTransaction } from "./in-transaction.ts";
import { type Database, MIGRATIONS_TABLE } from "./orm.ts";
import { StartupError } from "./startup-error.ts";

/** The key of the advisory lock that only one migrating process holds; any constant would do. */
const LOCK = 7_523_094_288;

/** The migration that begins every database since the first release. */
const FIRST = migrations[0]?.name ?? "";

const tablesOf = async (db: Database): Promise<string[]> => {
  const rows = await db.session().rows(sql<{ name: string }>`
    select c.relname as name from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v') order by 1`);
  return rows.map((row) => row.name);
};

const executed = async (db: Database): Promise<string[]> => {
  const rows = await db.session().rows(sql<{ name: string }>`select name from ${sql.table(MIGRATIONS_TABLE)}`);
  return rows.map((row) => row.name);
};

/**
 * Returns the names of the migrations that have not run yet.
 * @throws StartupError if the database holds tables that are not userd's, or was migrated by a newer version of userd, or before the first
 * release.
 */
const pendingMigrations = async (db: Database): Promise<string[]> => {
  const tables = await tablesOf(db);
  if (!tables.includes(MIGRATIONS_TABLE)) {
    if (tables.length > 0) {
      const some = `${tables.slice(0, 3).join(", ")}${tables.length > 3 ? ", …" : ""}`;
      throw new StartupError(`The database holds tables that are not userd's (${some}): give userd a database of its own.`);
    }
    return migrations.map((migration) => migration.name);
  }
  const done = await executed(db);
  const known = new Set(migrations.map((migration) => migration.name));
  const foreign = done.filter((name) => !known.has(name));
  if (foreign.some((name) => name < FIRST)) {
    throw new StartupError(
      "The database is from before userd's first release, and can't be upgraded: give userd an empty one, and import the users again.",
    );
  }
  if (foreign.length > 0) {
    throw new StartupError(
      `The database was migrated by another version of userd (${foreign.join(", ")}): start that version or a newer one.`,
    );
  }
  return migrations.map((migration) => migration.name).filter((name) => !done.includes(name));
};

/** The attempts of migrations that lose against calls of services which go on: all locks are given back between two of them. */
const ATTEMPTS = 20;

/** The sentence of the database in an error of the migrator: the last line, under the SQL that the tools quote, but for advice. */
const sentenceOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const lines = error.message.trim().split("\n");
  return lines.findLast((line) => !/^\s*- (hint|detail|where):/.test(line)) ?? "";
};

/** Tells whether an error, or what has caused it, says that a transaction lost against others. */
const hasLost = (error: unknown): boolean =>
  isContention(error) || (error instanceof Error && error.cause !== undefined && hasLost(error.cause));

const runPending = async (db: Database): Promise<void> => {
  const retries = { retries: ATTEMPTS - 1, minTimeout: 200, factor: 1.3, maxTimeout: 2_000, randomize: true };
  try {
    await pRetry(() => db.orm.migrator.up(), { ...retries, shouldRetry: ({ error }) => hasLost(error) });
  } catch (error) {
    const reason = sentenceOf(error);
    throw new StartupError(`The database can't be migrated: ${reason.replace(/\.$/, "")}.`, { cause: error });
  }
};

/** Runs `body`, which changes the schema of the database, under a lock that only one process at a time can hold. */
export const underMigrationLock = async <T>(db: Database, body: () => Promise<T>): Promise<T> => {
  // The embedded database has one connection, and its folder is locked already.
  if (db.kind === "pglite") return body();
  return inTransaction(db, "userd migrate", async (holder) => {
    await holder.rows(sql`set local idle_in_transaction_session_timeout = 0`);
    // Concurrent builds of indexes wait for snapshots. A statement that waits for the lock has one, so it is asked for again and again;
    // one with parameters keeps its own until the next statement, so this has none.
    const attempt = sql<{ is: boolean }>`select pg_try_advisory_xact_lock(${sql.lit(LOCK)}) as is`;
    while (!(await holder.one(attempt)).is) await delay(100);
    return body();
  });
};

/** Runs the pending migrations, and returns their names. They run in one transaction, under a lock that only one process at a time can hold. */
export const migrate = async (db: Database, log: Logger): Promise<string[]> => {
  const up = async () => {
    const pending = await pendingMigrations(db);
    if (pending.length === 0) return [];
    await runPending(db);
    log.info({ migrations: pending }, "migrated");
    return pending;
  };
  return underMigrationLock(db, up);
};

/** Throws a StartupError when migrations of the database have not run yet. */
export const assertMigrated = async (db: Database): Promise<void> => {
  const pending = await pendingMigrations(db);
  if (pending.length > 0) {
    throw new StartupError(
      `The database has ${pending.length} pending ${pending.length === 1 ? "migration" : "migrations"}: run \`userd migrate\`, or start without --no-migrate.`,
    );
  }
};
