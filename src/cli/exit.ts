/** The exit codes of commands, for scripts. */
export const ExitCode = {
  OK: 0,
  /** The command failed: the service or the database did not do it. */
  FAILURE: 1,
  /** The command line, a setting or a file is wrong; the same command will fail again. */
  USAGE: 2,
  /** The data to be written conflicts with what is stored. */
  CONFLICT: 3,
  /** The user or option does not exist, or the file has nothing that userd holds. */
  NOT_FOUND: 4,
  /** The service or the database can't be reached or is overloaded: a later try may succeed. */
  UNAVAILABLE: 5,
  /** The command was ended by Ctrl-C (SIGINT); the number is that of shells. */
  INTERRUPTED: 130,
  /** The command was ended by SIGTERM; the number is that of shells. */
  TERMINATED: 143,
} as const;

/** An exit code of a command: one of the numbers in the object `ExitCode`. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The table of exit codes that --help shows. */
export const exitCodesHelp = `Exit codes:
  0    done
  1    failed
  2    wrong usage, setting or file
  3    conflict with what is stored
  4    not found, or nothing in the file that userd holds
  5    the service or the database can't be reached: try again
  130  ended by Ctrl-C (SIGINT)
  143  ended by SIGTERM`;

/** An error that ends a command with a given exit code; the message is for the person who ran it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
