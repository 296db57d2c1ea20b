import { CompiledQuery, type DatabaseConnection, type KyselyProps, type QueryResult, Transaction } from "kysely";
import type { Schema } from "../schema/entities.ts";
import type { KindSet } from "../schema/kind-set.ts";
import type { Database } from "./orm.ts";
import type { Claim } from "./places.ts";
import type { Pipelined } from "./postgres-dialect.ts";
import { type Session, sessionOf } from "./session.ts";

/**
 * The connection of one write, which sends statements without waiting for the answers of those before them. The database runs them in their
 * order; once one has failed, it refuses the others of the transaction.
 */
export type WriteConnection = {
  /** What builds the queries of the transaction, and runs those of the ORM. */
  readonly sql: Transaction<Schema>;
  readonly run: <R>(query: CompiledQuery<R>) => Promise<QueryResult<R>>;
  /** Sends a statement whose answer the write does not need. If it fails, the write fails with its error. */
  readonly ahead: (query: CompiledQuery) => void;
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
  const sent: Promise<unknown>[] = [];
  let failure: { readonly error: unknown } | undefined;
  let isCommitting = false;
  let committed: Promise<unknown> | undefined;
  const cancel = () => {
    // BEGIN itself is not cancelled: what comes behind it would run outside the transaction. Neither is COMMIT, which may be sent meanwhile.
    begun.then(() => (isCommitting ? undefined : connection.cancelQuery?.(undefined as never)), ignore);
  };
  const run = async <R>(query: CompiledQuery<R>): Promise<QueryResult<R>> => {
    if (!isCommitting) signal.throwIfAborted();
    try {
      const result = await connection.executeQuery<R>(query);
      if (!isCommitting) signal.throwIfAborted();
      return result;
    } catch (error) {
      throw signal.aborted && !isCommitting ? signal.reason : error;
    }
  };
  const ahead = (query: CompiledQuery): Promise<unknown> => {
    const answer = run(query).catch((error: unknown) => {
      failure ??= { error };
    });
    sent.push(answer);
    return answer;
  };
  const commit = (): void => {
    if (isCommitting) return;
    isCommitting = true;
    committed = run(COMMIT);
    committed.catch(ignore);
  };
  signal.throwIfAborted();
  connection.beginWrite?.();
  const begun = ahead(beginning(db, milliseconds));
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const executor = db.sql.getExecutor().withConnectionProvider({ provideConnection: (consumer) => consumer(connection) });
    const sql = new Transaction<Schema>({ ...unused, executor });
    const result = await body({ sql, run, ahead: (query) => void ahead(query), commit });
    commit();
    await Promise.all(sent);
    if (failure !== undefined) throw failure.error;
    await committed;
    return result;
  } catch (error) {
    await Promise.all(sent);
    await committed?.catch(ignore);
    // What was thrown counts, even if this fails: then the connection is lost.
    await connection.executeQuery(ROLLBACK).catch(ignore);
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

/** Makes the session of a write, whose statements run on the connection of the write. */
export const createWriteSession = ({ sql, run }: Pick<WriteConnection, "sql" | "run">, kinds: KindSet): Session =>
  sessionOf(sql, kinds, (statement) =>
    run("isRawBuilder" in statement ? statement.compile(sql) : "compile" in statement ? statement.compile() : statement),
  );
