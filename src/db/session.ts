import type { Compilable, CompiledQuery, DatabaseConnection, Kysely, QueryResult, RawBuilder } from "kysely";
import type { Schema } from "../schema/entities.ts";
import type { KindSet } from "../schema/kind-set.ts";
import type { ConnectionStack } from "./connection-stack.ts";
import type { Claim, Places } from "./places.ts";
import type { Held } from "./postgres-dialect.ts";

/** The options that end a statement when a signal aborts. Each statement gets them, since MikroORM's `getKysely()` passes no signal on. */
export type AbortOptions = { readonly signal: AbortSignal; readonly inflightQueryAbortStrategy?: "cancel query" };

/** A statement with bound parameters: a template of SQL, a query that was built, or one whose text was made before. */
type Statement<R> = RawBuilder<R> | Compilable<R> | CompiledQuery<R>;

/** The functions that run statements: inside one transaction, or each by itself. A statement of a call is cancelled when the call ends. */
export type Session = {
  /** Builds queries. They run by the functions below, which also end them. */
  readonly sql: Kysely<Schema>;
  /** The kinds of the database. */
  readonly kinds: KindSet;
  readonly rows: <R>(statement: Statement<R>) => Promise<R[]>;
  /** The first row that a statement returns; undefined without one. */
  readonly row: <R>(statement: Statement<R>) => Promise<R | undefined>;
  /** The first row of a statement that always returns one. */
  readonly one: <R>(statement: Statement<R>) => Promise<R>;
  /** The number of rows that a statement wrote. */
  readonly affected: (statement: Statement<unknown>) => Promise<number>;
};

/**
 * The place in the pool that each statement of a session takes for itself; in a transaction there is none to take. And the connections to PostgreSQL
 * that those who have a place use.
 */
export type SessionPlaces = {
  readonly places: Places;
  readonly claim: Claim;
  readonly connections: ConnectionStack<Held> | undefined;
};

/** Makes a session that builds queries with `sql`, and runs statements by `run`. */
export const sessionOf = (sql: Kysely<Schema>, kinds: KindSet, run: <R>(statement: Statement<R>) => Promise<QueryResult<R>>): Session => ({
  sql,
  kinds,
  rows: async (statement) => (await run(statement)).rows,
  row: async (statement) => (await run(statement)).rows[0],
  one: async (statement) => {
    const [row] = (await run(statement)).rows;
    if (row === undefined) throw new Error("The statement returned no row.");
    return row;
  },
  affected: async (statement) => Number((await run(statement)).numAffectedRows ?? 0n),
});

/** Returns the text and the values of a statement. */
export const compiledOf = <R>(sql: Kysely<Schema>, statement: Statement<R>): CompiledQuery<R> =>
  "isRawBuilder" in statement ? statement.compile(sql) : "compile" in statement ? statement.compile() : statement;

/**
 * Runs a statement on a connection, and cancels it when the signal aborts. It does what Kysely does with the strategy "cancel query", by one listener
 * instead of a dozen promises that race.
 */
const runUntil = async <R>(connection: DatabaseConnection, query: CompiledQuery<R>, signal: AbortSignal): Promise<QueryResult<R>> => {
  signal.throwIfAborted();
  const cancel = () => void connection.cancelQuery?.(undefined as never);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const result = await connection.executeQuery<R>(query);
    signal.throwIfAborted();
    return result;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
};

/** Runs a statement on a connection of its own, without Kysely, whose way to a connection has half a dozen promises. */
const runOn = async <R>(
  connections: ConnectionStack<Held>,
  query: CompiledQuery<R>,
  signal: AbortSignal | undefined,
): Promise<QueryResult<R>> => {
  const acquired = connections.acquire();
  const connection = acquired instanceof Promise ? await acquired : acquired;
  try {
    return await (signal === undefined ? connection.executeQuery<R>(query) : runUntil(connection, query, signal));
  } finally {
    connections.release(connection);
  }
};

/**
 * Makes a session that runs statements on a transaction, a connection or the pool; each statement gets the options `abort`, and waits for a
 * place in the pool.
 */
export const createSession = (sql: Kysely<Schema>, kinds: KindSet, abort?: AbortOptions, pool?: SessionPlaces): Session => {
  const execute = <R>(query: CompiledQuery<R>): Promise<QueryResult<R>> =>
    abort?.inflightQueryAbortStrategy === undefined
      ? sql.executeQuery(query, abort)
      : sql.getExecutor().provideConnection((connection) => runUntil(connection, query, abort.signal));
  const inPlace = async <R>(query: CompiledQuery<R>, { places, claim, connections }: SessionPlaces): Promise<QueryResult<R>> => {
    const place = places.take(claim);
    if (place !== undefined) await place;
    try {
      return await (connections === undefined ? execute(query) : runOn(connections, query, abort?.signal));
    } finally {
      places.giveBack(claim);
    }
  };
  return sessionOf(sql, kinds, (statement) => {
    const query = compiledOf(sql, statement);
    return pool === undefined ? execute(query) : inPlace(query, pool);
  });
};
