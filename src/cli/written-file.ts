import { CommandError, ExitCode } from "./exit.ts";

/**
 * Does a piece of work with a file that an import writes.
 * @throws CommandError with code 2, since the person chose the file's place.
 */
export const orRefuse = async <T>(what: "list" | "map", action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (error) {
    throw new CommandError(`The ${what} can't be written: ${(error as Error).message}. Nothing was stored.`, ExitCode.USAGE);
  }
};
