import { CompiledQuery, type DatabaseConnection, type KyselyProps, type QueryResult, Transaction } from "kysely";
import type { Schema } from "../schema/entities.ts";
import type { KindSet } from "../schema/kind-set.ts";
import type { Joining, TextQuery } from "./joining.ts";
import type { Database } from "./orm.ts";
import type { Claim } from "./places.ts";
import type { OpenWrite, Pipelined } from "./postgres-dialect.ts";
import { compiledOf, type Session, sessionOf } from "./session.ts";
import type { Texts } from "./wire.ts";

/**
 * The connection of one write, which sends statements without waiting for the answers of those before them. The database runs them in their
 * order; once one has failed, it refuses the others of the transaction.
 */
export type WriteConnection = {
  /** What builds the queries of the transaction, and runs those of the ORM. */
  readonly sql: Transaction<Schema>;
  readonly run: <R>(query: CompiledQuery<R>) => Promise<QueryResult<R>>;
  /** Sends a statement, whose answer the write does not need, together with the next one. If it fails, the write fails with its error. */
  readonly ahead: (query: CompiledQuery) => void;
  /**
   * Runs a statement. As the first one of the write it is sent without BEGIN, in place of those that wait to be sent ahead of it: they go before the
   * next one, if there is one. It limits the time of its locks itself. With `joining` it may go together with others (together.ts).
   */
  readonly alone: (query: TextQuery, joining?: Joining) => Promise<string>;
  /** Returns how many statements were sent. */
  readonly sent: () => number;
  /** Sends COMMIT, behind the statements that were sent already. From now on nothing is cancelled. */
  readonly commit: () => void;
};

/** The parts of `Database` that a write needs. */
type WriteDatabase = Pick<Database, "sql" | "places" | "kind">;

const COMMIT = CompiledQuery.raw("commit");
const ROLLBACK = CompiledQuery.raw("rollback");
const BEGIN = CompiledQuery.raw("begin");

/** The statements of a transaction before its first one. With a time for what comes behind them, since they are sent together. */
const beginning = ({ kind }: WriteDatabase, milliseconds: number): CompiledQuery =>
  kind === "pglite" ? BEGIN : CompiledQuery.raw(`begin; set local statement_timeout = ${milliseconds}`);

const ignore = (): void => {};

const textOf = (answer: string | null | undefined): string => {
  if (answer == null) throw new Error("The statement returned nothing.");
  return answer;
};

/** What `Transaction` needs and nobody asks for. */
const unused: Omit<KyselyProps, "executor"> = { config: {}, driver: {}, dialect: {} } as never;

/** Runs `body` in a transaction on a connection; see `writeOn`. */
const transactOn = async <T>(
  db: WriteDatabase,
  connection: DatabaseConnection & Partial<Pipelined>,
  signal: AbortSignal,
  milliseconds: number,
  body: (connection: WriteConnection) => Promise<T>,
): Promise<T> => {
  const answers: Promise<unknown>[] = [];
  let waiting: CompiledQuery[] = [];
  let sent = 0;
  let failure: { readonly error: unknown } | undefined;
  let isCommitting = false;
  let committed: Promise<unknown> | undefined;
  let begun: Promise<unknown> | undefined;
  let open: OpenWrite | undefined;
  let isAlone = false;
  let isRollingBack = false;
  const cancelNow = () => (isCommitting || isRollingBack ? undefined : connection.cancelQuery?.(undefined as never));
  const cancel = () => {
    // BEGIN itself is not cancelled: what comes behind it would run outside the transaction. Neither is COMMIT, which may be sent meanwhile, nor
    // ROLLBACK: the next one on the connection would be inside the transaction.
    if (isAlone) void cancelNow();
    else begun?.then(cancelNow, ignore);
  };
  const send = async <R>(query: CompiledQuery<R>): Promise<QueryResult<R>> => {
    if (!isCommitting) signal.throwIfAborted();
    sent += 1;
    try {
      const result = await connection.executeQuery<R>(query);
      if (!isCommitting) signal.throwIfAborted();
      return result;
    } catch (error) {
      throw signal.aborted && !isCommitting ? signal.reason : error;
    }
  };
  const expect = (answer: Promise<unknown>): Promise<unknown> => {
    const expected = answer.catch((error: unknown) => {
      failure ??= { error };
    });
    answers.push(expected);
    return expected;
  };
  const sendAhead = (query: CompiledQuery): Promise<unknown> => expect(send(query));
  const begin = (query: CompiledQuery): void => {
    if (begun !== undefined) return;
    connection.beginWrite?.();
    begun = open === undefined ? sendAhead(query) : expect(open.end("begin"));
    open = undefined;
  };
  const sendWaiting = (): void => {
    begin(beginning(db, milliseconds));
    for (const query of waiting) void sendAhead(query);
    waiting = [];
  };
  const run = <R>(query: CompiledQuery<R>): Promise<QueryResult<R>> => {
    sendWaiting();
    return send(query);
  };
  const alone: WriteConnection["alone"] = async (query) => {
    if (begun !== undefined || connection.openWrite === undefined) return textOf((await run(query)).rows[0]?.answer);
    signal.throwIfAborted();
    sent += 1;
    isAlone = true;
    try {
      open = await connection.openWrite(query.sql, query.parameters as Texts);
      signal.throwIfAborted();
      return textOf(open.text);
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      isAlone = false;
    }
  };
  const commit = (): void => {
    if (isCommitting) return;
    if (open === undefined) sendWaiting();
    isCommitting = true;
    committed = open === undefined ? send(COMMIT) : open.end("commit");
    committed.catch(ignore);
  };
  signal.throwIfAborted();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const executor = db.sql.getExecutor().withConnectionProvider({
      provideConnection: async (consumer) => {
        // Without BEGIN, which is not sent for a call that has ended, it would run outside the transaction.
        signal.throwIfAborted();
        sendWaiting();
        sent += 1;
        return consumer(connection);
      },
    });
    const sql = new Transaction<Schema>({ ...unused, executor });
    const result = await body({ sql, run, ahead: (query) => void waiting.push(query), alone, sent: () => sent, commit });
    commit();
    await Promise.all(answers);
    if (failure !== undefined) throw failure.error;
    await committed;
    return result;
  } catch (error) {
    await Promise.all(answers);
    await committed?.catch(ignore);
    isRollingBack = true;
    // What was thrown counts, even if this fails: then the connection is lost.
    if (begun !== undefined) await connection.executeQuery(ROLLBACK).catch(ignore);
    else if (open !== undefined && !isCommitting) await open.end("rollback").catch(ignore);
    // The statements behind one that failed say only that one has.
    throw failure === undefined ? error : failure.error;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
};

/**
 * Runs `body` in a transaction, on a place in the pool that it waits for. The transaction is cancelled when the signal aborts, and each of its
 * statements ends after `milliseconds`. Throws the error of the first statement that failed, or what `body` throws.
 */
export const writeOn = async <T>(
  db: WriteDatabase,
  claim: Claim & { readonly signal: AbortSignal },
  milliseconds: number,
  body: (connection: WriteConnection) => Promise<T>,
): Promise<T> => {
  const place = db.places.take(claim);
  if (place !== undefined) await place;
  try {
    return await db.sql.getExecutor().provideConnection((connection) => transactOn(db, connection, claim.signal, milliseconds, body));
  } finally {
    db.places.giveBack(claim);
  }
};

/** Makes what builds the queries of writes that have no connection yet. Whoever runs one by it gets the refusal. */
export const unconnected = (db: WriteDatabase, refusal: Error): Transaction<Schema> =>
  new Transaction<Schema>({
    ...unused,
    executor: db.sql.getExecutor().withConnectionProvider({ provideConnection: () => Promise.reject(refusal) }),
  });

/** Makes the session of a write, whose statements run on the connection of the write. */
export const createWriteSession = ({ sql, run }: Pick<WriteConnection, "sql" | "run">, kinds: KindSet): Session =>
  sessionOf(sql, kinds, (statement) => run(compiledOf(sql, statement)));
