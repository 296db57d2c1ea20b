import { setTimeout as delay } from "node:timers/promises";
import type { EntitySchema, Options } from "@mikro-orm/core";
import { Migrator } from "@mikro-orm/migrations";
import type { MikroORM as PgliteORM } from "@mikro-orm/pglite";
import { MikroORM as PostgresORM } from "@mikro-orm/postgresql";
import type { SqlEntityManager } from "@mikro-orm/sql";
import { type Kysely, sql as template } from "kysely";
import { defaults, Pool, types } from "pg";
import type { Logger } from "pino";
import type { Call } from "../call.ts";
import type { Config } from "../config.ts";
import { storedMoment } from "../moment.ts";
import type { Schema } from "../schema/entities.ts";
import { builtin, type KindSet } from "../schema/kind-set.ts";
import { migrations } from "../schema/migrations/index.ts";
import { bindParameters } from "./bound-parameters.ts";
import type { ConnectionStack } from "./connection-stack.ts";
import { BACKGROUND, type Claim, createNoPlaces, createPlaces, type Places, serviceOf } from "./places.ts";
import { createPostgresConnections, createPostgresDialect, type Held } from "./postgres-dialect.ts";
import { clientClass } from "./preparing-client.ts";
import { createPresence } from "./presence.ts";
import { createProbe, type Probe } from "./probe.ts";
import { type AbortOptions, createSession, type Session } from "./session.ts";

/** The name of the table that lists the migrations that ran. */
export const MIGRATIONS_TABLE = "userd_migrations";

/** The owner of a session: a call, or what else ends by a signal; `group` names what its statements wait for, if it is no call. */
export type SessionOwner = Pick<Call, "signal"> & Partial<Pick<Call, "method" | "caller">> & { readonly group?: string };

/** An open database, and the functions that run statements on it. */
export type Database = {
  readonly kind: "postgres" | "pglite";
  /** The entity manager to fork for each write; never used itself. */
  readonly em: SqlEntityManager;
  readonly orm: PostgresORM | PgliteORM;
  /** Statements outside any transaction, with bound parameters: what reads use. */
  readonly sql: Kysely<Schema>;
  /** The kinds whose tables it has, and whose services are served over it. */
  readonly kinds: KindSet;
  /** Makes the options that end a statement when the call ends. PGlite can't cancel what runs, only what waits. */
  readonly abort: (call: Pick<Call, "signal">) => AbortOptions;
  /** Makes a session for statements outside any transaction, which reads use; they end with the call, if there is one. */
  readonly session: (call?: SessionOwner) => Session;
  /** The places in the pool of connections, which sessions and transactions take. */
  readonly places: Places;
  /** Tells whether the database answers, by a connection that nothing else waits for. */
  readonly answers: () => Promise<boolean>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

const BIGINT = 20;
const TIMESTAMPTZ = 1184;
const parsers = { [BIGINT]: BigInt, [TIMESTAMPTZ]: storedMoment };

// Else a moment is sent in the time zone of the process, whose offsets are cut to minutes: before 1893 Vienna's has seconds.
defaults.parseInputDatesAsUTC = true;

const getTypeParser = (oid: number, format?: "text" | "binary") =>
  (parsers as Record<number, (value: string) => unknown>)[oid] ?? types.getTypeParser(oid, format);

/** The options of MikroORM for PostgreSQL, for the embedded database (PGlite) and for the migration script. */
export const ormOptions = {
  entities: [...builtin.entities],
  forceUtcTimezone: true,
  migrations: {
    tableName: MIGRATIONS_TABLE,
    migrationsList: migrations,
    pathTs: "src/schema/migrations",
    path: "src/schema/migrations",
    snapshotName: ".snapshot",
    snapshotOnMigrate: false,
    fileName: (timestamp: string, name?: string) => `${timestamp}-${name ?? "change"}`,
    emit: "ts",
    silent: true,
  },
  schemaGenerator: { ignoreTriggers: true, ignoreRoutines: true },
} satisfies Partial<Options>;

/** The longest that any statement may run, in milliseconds: behind the deadlines of the calls, which are shorter. */
const STATEMENT_TIMEOUT = 65_000;
/** The longest that a call waits for a connection, in milliseconds. */
const ACQUIRE_TIMEOUT = 2_000;

/** The calls that may wait for a connection, for each connection. */
const WAITING_PER_CONNECTION = 20;

/** The longest that closing waits for connections that are in use, in milliseconds. */
const CLOSE_MS = 5_000;

/** The time without an answer, in ms, after which a statement's connection is checked; the server itself ends statements earlier. */
export const SILENCE_MS = STATEMENT_TIMEOUT + 5_000;

/** The settings of the connections to PostgreSQL. */
type ConnectionSettings = Pick<Config, "poolSize"> &
  Partial<Pick<Config, "preparedStatements">> & { readonly silenceMs?: number | undefined };

/** Two at least: while one migrates, another one holds the lock. */
const sizeOf = (poolSize: number): number => Math.max(2, poolSize);

const createPool = (url: string, { poolSize, preparedStatements = true, silenceMs }: ConnectionSettings, log: Logger): Pool => {
  const pool = new Pool({
    connectionString: url,
    max: sizeOf(poolSize),
    Client: clientClass({ prepares: preparedStatements, silenceMs }),
    types: { getTypeParser },
    connectionTimeoutMillis: ACQUIRE_TIMEOUT,
    statement_timeout: STATEMENT_TIMEOUT,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT,
    application_name: "userd",
    keepAlive: true,
    // A write sends statements before those before them are answered; nobody else does.
    pipeline: true,
    options: "-c timezone=UTC -c default_transaction_isolation=read\\ committed",
  });
  // Whoever waits on a connection that is lost is told by its statement; without a listener it would end the process.
  const lost = (error: Error) => log.debug({ err: error }, "connection to the database lost");
  pool.on("connect", (client) => client.on("error", lost));
  pool.on("error", lost);
  return pool;
};

/** The parts of a database that each of its two kinds makes in its own way. */
type Parts = Pick<Database, "orm" | "places"> & {
  readonly probe?: Probe;
  readonly connections?: ConnectionStack<Held>;
  readonly close: () => Promise<void>;
};

const openPostgres = async (url: string, entities: EntitySchema[], settings: ConnectionSettings, log: Logger): Promise<Parts> => {
  const probe = createProbe(url);
  const presence = createPresence(probe.answers, log);
  const size = sizeOf(settings.poolSize);
  const pool = createPool(url, settings, log).once("connect", presence.connected);
  const connections = createPostgresConnections(pool, presence.failed);
  const orm = await PostgresORM.init({
    ...ormOptions,
    entities,
    clientUrl: url,
    extensions: [Migrator],
    driverOptions: createPostgresDialect(pool, connections),
  });
  const places = createPlaces({ size, maxWaiting: size * WAITING_PER_CONNECTION, patienceMs: ACQUIRE_TIMEOUT });
  const close = async () => {
    connections.close();
    await orm.close(true);
    // Kysely ends only a pool that it has used itself, and reads go without it.
    if (!pool.ending) await pool.end();
  };
  return { orm, places: presence.guard(places), probe, connections, close };
};

const openPglite = async (folder: string, entities: EntitySchema[]): Promise<Parts> => {
  // Loaded when needed: a process on PostgreSQL does without a database in memory.
  const [{ MikroORM }, { pg_trgm }] = await Promise.all([import("@mikro-orm/pglite"), import("@electric-sql/pglite/contrib/pg_trgm")]);
  const orm = await MikroORM.init({
    ...ormOptions,
    entities,
    dbName: folder === "memory" ? "memory://" : folder,
    extensions: [Migrator],
    driverOptions: { parsers, extensions: { pg_trgm } },
  });
  return { orm, places: createNoPlaces(), close: () => orm.close(true) };
};

const isThere = template`select 1`;

/** The groups of reads, by the method of their call. */
const readGroups = new Map<string, string>();

const readGroupOf = (method: string): string => {
  const known = readGroups.get(method);
  if (known !== undefined) return known;
  const group = `read ${serviceOf(method)}`;
  readGroups.set(method, group);
  return group;
};

/** Returns the claim of a session outside any transaction. */
const claimOf = (owner: SessionOwner | undefined): Claim => {
  if (owner === undefined) return BACKGROUND;
  const { group, method, caller, signal } = owner;
  // No getter: V8 keeps each function that one is made of in a hidden class, and with it the call, until the next full collection.
  return { group: group ?? (method === undefined ? BACKGROUND.group : readGroupOf(method)), caller, signal };
};

/**
 * Opens the database that the settings name. The folder of an embedded database has to be locked already (data-folder.ts).
 * @param kinds the kinds whose services use the database.
 */
export const openDatabase = async (
  config: Pick<Config, "database"> & ConnectionSettings,
  log: Logger,
  kinds: KindSet = builtin,
): Promise<Database> => {
  const { database } = config;
  const entities = [...kinds.entities];
  const { orm, places, probe, connections, close } =
    database.kind === "postgres" ? await openPostgres(database.url, entities, config, log) : await openPglite(database.folder, entities);
  const em: SqlEntityManager = orm.em;
  bindParameters(em);
  log.debug({ kind: database.kind }, "database opened");
  const sql = em.getKysely<Schema>();
  const answers = probe?.answers ?? (async () => (await createSession(sql, kinds).rows(isThere)).length === 1);
  const abort: Database["abort"] =
    database.kind === "postgres" ? ({ signal }) => ({ signal, inflightQueryAbortStrategy: "cancel query" }) : ({ signal }) => ({ signal });
  return {
    kind: database.kind,
    em,
    orm,
    sql,
    kinds,
    abort,
    places,
    answers,
    session: (owner) => createSession(sql, kinds, owner && abort(owner), { places, claim: claimOf(owner), connections }),
    // A connection that hangs may never say that it has ended. The embedded database is waited for: it writes to its folder.
    [Symbol.asyncDispose]: async () => {
      await probe?.[Symbol.asyncDispose]();
      if (database.kind === "postgres") await Promise.race([close(), delay(CLOSE_MS, undefined, { ref: false })]);
      else await close();
    },
  };
};
