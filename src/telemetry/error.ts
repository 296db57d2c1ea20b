/** The fields of an error that are safe to log. */
export type DescribedError = {
  readonly type: string;
  /** The message; left out for errors of the database, which quote SQL and values. */
  readonly message?: string | undefined;
  readonly code?: string | undefined;
  readonly constraint?: string | undefined;
  /** The stack of the error, without the message. */
  readonly stack?: string | undefined;
  readonly cause?: DescribedError | undefined;
};

const maxCauses = 5;

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const sqlState = /^(?=.*\d)[0-9A-Z]{5}$/;

/** Tells whether an error, or one of its causes, is the database's: wrappers repeat the message of what they wrap. */
const isOfDatabase = (error: unknown, depth: number): boolean =>
  error instanceof Error &&
  depth < maxCauses &&
  (("code" in error && sqlState.test(String(error.code))) || "query" in error || isOfDatabase(error.cause, depth + 1));

const describe = (error: unknown, depth: number): DescribedError | undefined => {
  if (error === undefined || error === null) return undefined;
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return {
    type: error.name,
    message: isOfDatabase(error, depth) ? undefined : error.message,
    code: textOf(code),
    constraint: textOf(constraint),
    stack: error.stack
      ?.split("\n")
      .filter((line) => line.startsWith("    at "))
      .join("\n"),
    cause: depth < maxCauses ? describe(error.cause, depth + 1) : undefined,
  };
};

/** Returns what is safe to log of an error and its causes: nothing that can hold a user's data. pino uses the function to serialize `err`. */
export const describeError = (error: unknown): DescribedError | undefined => describe(error, 0);
