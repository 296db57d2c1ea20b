import { Code, ConnectError } from "@connectrpc/connect";
import { ConfigError } from "../config.ts";
import { StartupError } from "../db/startup-error.ts";
import { DomainError } from "../errors.ts";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
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

/** The exit code that an error ends a command with. */
export const exitCodeOf = (error: unknown): ExitCode => {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof ConfigError) return ExitCode.USAGE;
  if (error instanceof ConnectError) return byCode[error.code] ?? ExitCode.FAILURE;
  return ExitCode.FAILURE;
};

/** What to tell the person who ran the command: a sentence, and a stack only for what nobody foresaw. */
export const explain = (error: unknown): string => {
  if (error instanceof ConnectError) {
    const [info] = error.findDetails(ErrorInfoSchema);
    return `userd: ${error.rawMessage}${info ? ` (${info.reason})` : ""}`;
  }
  const foreseen = [CommandError, ConfigError, StartupError, DomainError].some((kind) => error instanceof kind);
  if (error instanceof Error) return `userd: ${foreseen ? error.message : (error.stack ?? error.message)}`;
  return `userd: ${String(error)}`;
};
