import { CommandError, ExitCode } from "./exit.ts";

/** Calls `action`, which opens or writes a file of an import. Throws CommandError with exit code 2 (wrong usage) if it fails. */
export const orRefuse = async <T>(what: "list" | "map", action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (error) {
    throw new CommandError(`The ${what} can't be written: ${(error as Error).message}. Nothing was stored.`, ExitCode.USAGE);
  }
};
