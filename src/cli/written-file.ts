import { CommandError, ExitCode } from "./exit.ts";

/**
 * Calls `action`, which opens or writes a file of an import, and returns its result.
 * @throws CommandError with code 2 if `action` fails, since the person chose the file's place.
 */
export const orRefuse = async <T>(what: "list" | "map", action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (error) {
    throw new CommandError(`The ${what} can't be written: ${(error as Error).message}. Nothing was stored.`, ExitCode.USAGE);
  }
};
