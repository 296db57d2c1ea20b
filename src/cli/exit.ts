/** The exit codes of commands, for scripts. */
export const ExitCode = {
  OK: 0,
  /** The command failed: the service or the database did not do it. */
  FAILURE: 1,
  /** The command line, a setting or a file is wrong; the same command will fail again. */
  USAGE: 2,
  /** The data to be written conflicts with what is stored. */
  CONFLICT: 3,
  /** There is no such user or option, or nothing in the file that userd holds. */
  NOT_FOUND: 4,
  /** The service or the database can't be reached or is overloaded: try again. */
  UNAVAILABLE: 5,
  /** Ended by Ctrl-C (SIGINT), as shells count signals. */
  INTERRUPTED: 130,
  /** Ended by SIGTERM. */
  TERMINATED: 143,
} as const;

/** One exit code. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The table that --help shows. */
export const exitCodesHelp = `Exit codes:
  0    done
  1    failed
  2    wrong usage, setting or file
  3    conflict with what is stored
  4    not found, or nothing in the file that userd holds
  5    the service or the database can't be reached: try again
  130  ended by Ctrl-C (SIGINT)
  143  ended by SIGTERM`;

/** A command that ends with a code of its own; the message is for the person who ran it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}
