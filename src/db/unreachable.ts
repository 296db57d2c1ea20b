import { stateOf } from "./sqlstates.ts";

/** An error of a database driver, with the fields that drivers add; MikroORM copies these fields to its own errors. */
export type DriverError = Error & { readonly code?: string; readonly constraint?: string; readonly routine?: string };

/** The error of a statement that was not sent, since the database is known to be away. */
export class DatabaseAway extends Error {
  override readonly name = "DatabaseAway";
  constructor() {
    super("the database is away");
  }
}

/** The messages by which pg says, without a code, that a connection has ended, or that none was free in time. */
const unreachableMessage =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Client was closed|driver has already been destroyed)/;

/** Returns the error code that a database driver has set on an error; undefined for an error without a code. */
export const codeOf = (error: unknown): string | undefined => (error instanceof Error ? (error as DriverError).code : undefined);

/** Tells whether an error says that the database could not be reached, or that the connection to it was lost. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof DatabaseAway ||
  (error instanceof Error && (stateOf(codeOf(error) ?? "") === "unreachable" || unreachableMessage.test(error.message)));

/**
 * Tells whether the server has answered, and trying again is of no use: it does not know the database or the user, or its own system has failed.
 * For calls that is an outage as any other; who starts a command has to look at it.
 */
export const isRefused = (error: unknown): boolean => /^(?:28|3D|55|58|F0)/.test(codeOf(error) ?? "");
