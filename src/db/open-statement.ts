import type { Client } from "pg";
import { bindStatement, type Prepared, type Texts, type Wire } from "./wire.ts";

/** The ways to go on after an open statement: to commit what it did, to roll it back, or to have a transaction that other statements join. */
export type Ending = "commit" | "rollback" | "begin";

/** A statement whose transaction stays open after its answer, without a BEGIN, until it is ended. */
export type OpenStatement = {
  /** The first column of the row that it returned. Once this has rejected, nothing is left to end. */
  readonly answer: Promise<string | null | undefined>;
  /** Ends what is open. Call this once, after the answer. */
  readonly end: (ending: Ending) => Promise<void>;
};

/** What is sent for each ending but "commit", which is the Sync of the protocol. */
const endings = { begin: "begin", rollback: "begin; rollback" } as const;

const unexpected = (): never => {
  throw new Error("An open statement neither copies nor returns parts of rows.");
};

/**
 * Sends a statement by the extended protocol, and no Sync behind it: PostgreSQL answers, and keeps the transaction that it has begun for the
 * statement until Sync says that it may commit. So a write of one statement is not committed before its answer was looked at, and takes
 * neither BEGIN nor COMMIT. A BEGIN in place of the Sync makes a transaction of it like any other. Nothing else may be sent before the end.
 */
export const openStatement = (client: Client, statement: Prepared<string | null>): OpenStatement => {
  const answered = Promise.withResolvers<string | null | undefined>();
  let column: string | null | undefined;
  let ended: PromiseWithResolvers<void> | undefined;
  let failure: Error | undefined;
  let wire: Wire | undefined;
  const query = {
    text: statement.text,
    // By this the client knows what the connection has prepared.
    name: statement.name,
    submit: (connection: Wire): void => {
      wire = connection;
      const { stream } = connection;
      stream.cork();
      bindStatement(connection, statement);
      connection.execute(null);
      connection.flush();
      stream.uncork();
    },
    handleDataRow: ({ fields }: { readonly fields: Texts }): void => {
      column = fields[0];
    },
    handleCommandComplete: (): void => answered.resolve(column),
    handleReadyForQuery: (): void => ended?.resolve(),
    handleError: (error: Error, connection: Wire): void => {
      // The server reads on from the next Sync. Who ends the statement has sent it, or what needs none.
      if (ended === undefined) connection.sync();
      failure = error;
      answered.reject(error);
      ended?.reject(error);
    },
    handleRowDescription: unexpected,
    handlePortalSuspended: unexpected,
    handleCopyInResponse: unexpected,
    handleCopyData: unexpected,
    handleEmptyQuery: unexpected,
  };
  client.query(query as never);
  return {
    answer: answered.promise,
    end: (ending) => {
      ended = Promise.withResolvers();
      if (failure !== undefined) ended.reject(failure);
      else if (ending === "commit") wire?.sync();
      else wire?.query(endings[ending]);
      return ended.promise;
    },
  };
};
