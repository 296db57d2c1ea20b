import type { DatabaseConnection, RawBuilder } from "kysely";
import type { OnCopiedRow } from "./copy-out.ts";
import type { Copying } from "./postgres-dialect.ts";
import { compiledOf, type Session } from "./session.ts";

/**
 * Runs a statement `COPY … TO STDOUT` of a session, which can have no parameters, and hands its rows over. False = the database has no such
 * statement, and nothing was done.
 */
export const copyRows = ({ sql }: Session, statement: RawBuilder<unknown>, onRow: OnCopiedRow): Promise<boolean> => {
  const { sql: text, parameters } = compiledOf(sql, statement);
  if (parameters.length > 0) throw new Error("COPY takes no parameters.");
  return sql.getExecutor().provideConnection(async (connection: DatabaseConnection & Partial<Copying>) => {
    if (connection.copyOut === undefined) return false;
    await connection.copyOut(text, onRow);
    return true;
  });
};
