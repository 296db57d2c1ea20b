import type { Client } from "pg";
import type { Wire } from "./wire.ts";

/**
 * Takes a row, as COPY writes it in its text format. The bytes are the row's only until this returns. With a promise, the database waits until that
 * is resolved; some rows that are on their way come all the same.
 */
export type OnCopiedRow = (row: Uint8Array) => Promise<void> | undefined;

const unexpected = (): never => {
  throw new Error("COPY TO STDOUT returns neither rows nor parts of them.");
};

/**
 * Runs a statement `COPY … TO STDOUT`, and hands its rows over one by one. When `onRow` fails, `cancel` has to end the statement, and what failed is
 * thrown.
 */
export const copyOut = (client: Client, text: string, onRow: OnCopiedRow, cancel: () => void): Promise<void> => {
  const done = Promise.withResolvers<void>();
  let failure: { readonly error: unknown } | undefined;
  let isPaused = false;
  const { stream } = (client as unknown as { readonly connection: Wire }).connection;
  const resume = (): void => {
    isPaused = false;
    stream.resume();
  };
  const fail = (error: unknown): void => {
    if (failure !== undefined) return;
    failure = { error };
    cancel();
  };
  const waitFor = (taken: Promise<void>): void => {
    if (isPaused) return void taken.catch(fail);
    isPaused = true;
    stream.pause();
    taken.catch(fail).finally(resume);
  };
  const query = {
    submit: (connection: Wire): void => connection.query(text),
    handleCopyData: ({ chunk }: { readonly chunk: Uint8Array }): void => {
      if (failure !== undefined) return;
      try {
        const taken = onRow(chunk);
        if (taken !== undefined) waitFor(taken);
      } catch (error) {
        fail(error);
      }
    },
    handleCommandComplete: (): void => {},
    handleReadyForQuery: (): void => (failure === undefined ? done.resolve() : done.reject(failure.error)),
    handleError: (error: Error): void => done.reject(failure === undefined ? error : failure.error),
    handleRowDescription: unexpected,
    handleDataRow: unexpected,
    handlePortalSuspended: unexpected,
    handleCopyInResponse: unexpected,
    handleEmptyQuery: unexpected,
  };
  client.query(query as never);
  return done.promise;
};
