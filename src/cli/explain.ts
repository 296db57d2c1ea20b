import { Code } from "@connectrpc/connect";
import { UserdError } from "../client/errors.ts";
import { ConfigError } from "../config.ts";
import { StartupError } from "../db/startup-error.ts";
import { isRefused, isUnreachable } from "../db/unreachable.ts";
import { DomainError } from "../errors.ts";
import { inOneLine, printable } from "../print.ts";
import { version } from "../version.ts";
import { CommandError, ExitCode } from "./exit.ts";

const byCode: Partial<Record<Code, ExitCode>> = {
  [Code.InvalidArgument]: ExitCode.USAGE,
  [Code.NotFound]: ExitCode.NOT_FOUND,
  [Code.AlreadyExists]: ExitCode.CONFLICT,
  [Code.Aborted]: ExitCode.CONFLICT,
  [Code.Unavailable]: ExitCode.UNAVAILABLE,
  [Code.ResourceExhausted]: ExitCode.UNAVAILABLE,
  [Code.DeadlineExceeded]: ExitCode.UNAVAILABLE,
};

const isGone = (error: Error): boolean => isUnreachable(error) && !isRefused(error);
const isLost = (error: Error): boolean => isGone(error) || (error.cause instanceof Error && isGone(error.cause));

/** Returns the exit code of a command that ends with the given error. */
export const exitCodeOf = (error: unknown): ExitCode => {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof ConfigError) return ExitCode.USAGE;
  if (error instanceof UserdError) return byCode[error.code] ?? ExitCode.FAILURE;
  return error instanceof Error && isLost(error) ? ExitCode.UNAVAILABLE : ExitCode.FAILURE;
};

/** A sentence for each class of PostgreSQL's error codes. PostgreSQL's own messages can hold values. */
const byClass: Readonly<Record<string, string>> = {
  "25": "The database only lets read",
  "28": "The database does not let this user in",
  "42": "The database does not permit this, or its schema is not userd's",
  "53": "The database has no space, memory or connection left",
  "54": "The database can't hold this much",
  "57": "The database was told to stop this",
  "58": "The database's own system failed",
  XX: "The database is damaged",
};

const sentenceOf = (error: Error): string | undefined => {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (isGone(error)) return "The connection to the database is lost: try again.";
  // SQLSTATE has five characters, as some codes of the operating system do.
  const sentence = code !== undefined && code.length === 5 ? byClass[code.slice(0, 2)] : undefined;
  if (sentence !== undefined) return `${sentence} (${code}).`;
  return syscall === undefined ? undefined : `${error.message}.`;
};

/** The places in userd's own code that an error came through, the innermost first, on one line for whoever mends the fault. */
const traceOf = ({ stack = "" }: Error): string => {
  const frames = [...stack.matchAll(/^(?!.*node_modules).*\/(?:src|dist)\/([\w./-]+:\d+):\d+\)?$/gm)].map(([, frame]) => frame);
  return frames.length === 0 ? "" : ` at ${frames.slice(0, 4).join(" < ")}`;
};

const sentenceFor = (error: unknown): string => {
  if (error instanceof UserdError) {
    const { cause, reasonName } = error;
    return `userd: ${inOneLine(cause.rawMessage)}${reasonName === "" ? "" : ` (${inOneLine(reasonName)})`}`;
  }
  if (!(error instanceof Error)) return `userd: ${String(error)}`;
  if ([CommandError, ConfigError, StartupError, DomainError].some((kind) => error instanceof kind)) return `userd: ${error.message}`;
  const sentence = sentenceOf(error);
  if (sentence !== undefined) return `userd: ${sentence}`;
  const { code } = error as NodeJS.ErrnoException;
  // The database's messages can hold what the file or the request held.
  const what = code === undefined ? `${error.name}: ${error.message.split("\n")[0]}` : `${error.name} ${code}`;
  return `userd: This is a fault of userd ${version}; please report this line to its issues: ${what}${traceOf(error)}`;
};

/** Formats any error, also an unforeseen one, as one sentence for the person who ran the command. */
export const explain = (error: unknown): string => printable(sentenceFor(error));
