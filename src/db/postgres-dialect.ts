import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import type { QueryResult as PgResult, Pool, PoolClient } from "pg";
import { cancelStatement } from "./cancel.ts";
import { type ConnectionStack, createConnectionStack } from "./connection-stack.ts";
import { copyOut, type OnCopiedRow } from "./copy-out.ts";
import type { Ending } from "./open-statement.ts";
import { metSchemaChange, type PreparingClient } from "./preparing-client.ts";
import { prepareAnew } from "./statement-names.ts";
import type { Texts, Wire } from "./wire.ts";

const writes = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

/** Adds to the stack of a driver's error, which names only its parser of messages, the code that ran the statement. */
const withCaller = (error: unknown): unknown => {
  if (error instanceof Error) error.stack = `${error.stack}\n${new Error().stack?.split("\n").slice(2).join("\n")}`;
  return error;
};

/** A connection that knows when it is used by a write, whose statements don't wait for the answers of those before them. */
export type Pipelined = {
  /** Begins a write: what is sent is held back until the work of this turn is done, and no statement is sent twice until the release. */
  readonly beginWrite: () => void;
  /** Runs a statement that is all of a write. Its transaction stays open until it is ended, once (open-statement.ts). */
  readonly openWrite: (text: string, values: Texts) => Promise<OpenWrite>;
};

/** The answer of a statement whose transaction is open, and what ends that. */
export type OpenWrite = { readonly text: string | null | undefined; readonly end: (ending: Ending) => Promise<void> };

/** A connection that copies rows. */
export type Copying = {
  /** Runs a statement `COPY … TO STDOUT`, and hands its rows over (copy-out.ts). */
  readonly copyOut: (text: string, onRow: OnCopiedRow) => Promise<void>;
};

/** One connection of the pool, as Kysely knows it. */
export type Held = DatabaseConnection & Pipelined & Copying & { readonly released: () => void };

/** The times after which a statement that still runs is cancelled again, in milliseconds: the first ones fall within what a call may leave behind. */
const AGAIN_MS = { soon: 50, late: 1_000 } as const;
const SOON = 10;

const hold = (client: PoolClient & Pick<PreparingClient, "open">): Held => {
  let unanswered = 0;
  /** Tells a cancellation that nothing is unanswered any more. */
  let allAnswered: (() => void) | undefined;
  let isCancelled = false;
  let isWriting = false;
  /**
   * The cancellation in progress, before whose end nothing is sent: a cancel that comes late must not meet another statement. It ends when nothing is
   * unanswered.
   */
  let cancelling: Promise<void> | undefined;
  /** What waits for that end before it is sent. Who cancels it then has it not be sent. */
  let waiting = 0;
  let isGivenUp = false;

  /** Waits until something may be sent. */
  const untilCancelled = async (): Promise<void> => {
    waiting += 1;
    await cancelling;
    waiting -= 1;
    if (!isGivenUp) return;
    if (waiting === 0) isGivenUp = false;
    throw new Error("The statement was cancelled before it was sent.");
  };

  const send = ({ sql, parameters }: CompiledQuery): Promise<PgResult> => client.query(sql, parameters as unknown[]);

  /**
   * Sends a statement once more if it met a change of the schema. In a write the statement would come behind those that were
   * sent already, COMMIT too, and be answered as if nothing had failed: there the error is thrown, and the write is repeated.
   */
  const sendAgain = (query: CompiledQuery, error: unknown): Promise<PgResult> => {
    if (isCancelled || !metSchemaChange(error)) throw error;
    prepareAnew();
    if (isWriting) throw error;
    return send(query).catch(() => {
      throw error;
    });
  };

  const executeQuery = async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
    if (cancelling !== undefined) await untilCancelled();
    unanswered += 1;
    try {
      let answer: PgResult;
      try {
        answer = await send(query);
      } catch (error) {
        answer = await sendAgain(query, error);
      }
      const { command, rowCount, rows } = answer;
      if (command === "ROLLBACK" && query.sql === "commit")
        throw new Error("The transaction was rolled back, since one of its statements had failed.");
      return writes.has(command) ? { numAffectedRows: BigInt(rowCount ?? 0), rows: rows ?? [] } : { rows: rows ?? [] };
    } catch (error) {
      // Who ended it has gone, and Kysely would print what nobody waits for.
      if (isCancelled) return { rows: [] };
      throw withCaller(error);
    } finally {
      noteAnswer();
    }
  };

  const noteAnswer = (): void => {
    unanswered -= 1;
    isCancelled = false;
    if (unanswered === 0) allAnswered?.();
  };

  /** PostgreSQL drops a cancel that comes before it has read the statement, which on a busy machine takes a while. */
  const cancelUntilAnswered = async (first: Promise<void>): Promise<void> => {
    await first;
    for (let sent = 1; unanswered > 0; sent += 1) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, sent <= SOON ? AGAIN_MS.soon : AGAIN_MS.late).unref();
      allAnswered = resolve;
      await promise;
      clearTimeout(timer);
      if (unanswered === 0) break;
      isCancelled = true;
      await cancelStatement(client);
    }
    allAnswered = undefined;
    cancelling = undefined;
  };

  const cancelQuery = async (): Promise<void> => {
    if (unanswered === 0) {
      isGivenUp = waiting > 0;
      return;
    }
    isCancelled = true;
    if (cancelling !== undefined) return;
    const first = cancelStatement(client);
    cancelling = cancelUntilAnswered(first);
    await first;
  };

  const openWrite = async (statement: string, values: Texts): Promise<OpenWrite> => {
    if (cancelling !== undefined) await untilCancelled();
    isWriting = true;
    unanswered += 1;
    try {
      const { answer, end } = client.open(statement, values);
      const text = await answer;
      return { text, end: (ending) => (cancelling === undefined ? end(ending) : cancelling.then(() => end(ending))) };
    } catch (error) {
      if (metSchemaChange(error)) prepareAnew();
      throw withCaller(error);
    } finally {
      noteAnswer();
    }
  };

  const copy = async (statement: string, onRow: OnCopiedRow): Promise<void> => {
    if (cancelling !== undefined) await untilCancelled();
    unanswered += 1;
    try {
      await copyOut(client, statement, onRow, () => void cancelQuery());
    } catch (error) {
      throw withCaller(error);
    } finally {
      noteAnswer();
    }
  };

  const { stream } = (client as unknown as { readonly connection: Wire }).connection;
  const uncork = () => stream.uncork();

  return {
    executeQuery,
    openWrite,
    copyOut: copy,
    cancelQuery,
    beginWrite: () => {
      isWriting = true;
      stream.cork();
      process.nextTick(uncork);
    },
    released: () => {
      isWriting = false;
    },
    streamQuery: () => {
      throw new Error("Rows are read page by page, never as a stream.");
    },
  };
};

/** Makes the connections of a pool, as Kysely knows them. `failed` is told why a connection could not be made. */
export const createPostgresConnections = (pool: Pool, failed: (error: unknown) => void): ConnectionStack<Held> =>
  createConnectionStack(pool, (client) => hold(client as PoolClient & PreparingClient), failed);

const createDriver = (pool: Pool, { acquire, release }: ConnectionStack<Held>): Driver =>
  Object.assign(new PostgresDriver({ pool }), {
    acquireConnection: async (): Promise<Held> => acquire(),
    releaseConnection: async (connection: DatabaseConnection): Promise<void> => release(connection as Held),
  });

/**
 * Makes Kysely's dialect for the connections of a pool to PostgreSQL. Unlike Kysely's own dialect, this dialect ends an aborted statement by a
 * cancel request, which needs no other session and works in a transaction too.
 */
export const createPostgresDialect = (pool: Pool, connections: ConnectionStack<Held>): Dialect => ({
  createAdapter: () => new PostgresAdapter(),
  createDriver: () => createDriver(pool, connections),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
});
