import { sql } from "kysely";
import type { Database } from "./orm.ts";
import { createSession, type Session } from "./session.ts";

/** Runs one transaction of a worker or a command, which has no call; `caller` is the name of who writes, for the change log. */
export const inTransaction = <T>(db: Database, caller: string, body: (tx: Session) => Promise<T>): Promise<T> =>
  db.sql.transaction().execute(async (transaction) => {
    const tx = createSession(transaction);
    await tx.rows(sql`select set_config('userd.caller', ${caller}, true)`);
    return body(tx);
  });
