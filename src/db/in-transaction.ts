import { sql, type Transaction } from "kysely";
import type { Schema } from "../schema/entities.ts";
import type { Database } from "./orm.ts";
import { BACKGROUND, type Claim } from "./places.ts";
import { createSession, type Session } from "./session.ts";

/** The error to throw in a transaction that must store nothing: `transact` rolls back, and returns the error's `answer`. */
export class RolledBack extends Error {
  override readonly name = "RolledBack";
  readonly answer: unknown;
  constructor(answer: unknown) {
    super("nothing is to be stored");
    this.answer = answer;
  }
}

/** Runs one transaction, on a place in the pool that it waits for. Throws what `body` throws, even if ROLLBACK fails; but if `body` throws `RolledBack`, returns that error's answer. */
export const transact = async <T>(
  { sql: db, places }: Pick<Database, "sql" | "places">,
  claim: Claim,
  body: (transaction: Transaction<Schema>) => Promise<T>,
): Promise<T> => {
  let failure: { readonly error: unknown } | undefined;
  await places.take(claim);
  try {
    // Not em.begin(): when BEGIN, COMMIT or ROLLBACK fails, its connection never goes back to the pool.
    return await db.transaction().execute(async (transaction) => {
      try {
        return await body(transaction);
      } catch (error) {
        failure = { error };
        throw error;
      }
    });
  } catch (error) {
    if (failure?.error instanceof RolledBack) return failure.error.answer as T;
    throw failure === undefined ? error : failure.error;
  } finally {
    places.giveBack(claim);
  }
};

/** Runs one transaction of a background job or a command; the change log names `caller` as the writer. */
export const inTransaction = <T>(db: Database, caller: string, body: (tx: Session) => Promise<T>): Promise<T> =>
  transact(db, BACKGROUND, async (transaction) => {
    const tx = createSession(transaction, db.kinds);
    await tx.rows(sql`select set_config('userd.caller', ${caller}, true)`);
    return body(tx);
  });
