import { type Config, loadConfig } from "../config.ts";
import { hasDatabase } from "../db/data-folder.ts";
import { type OwnedDatabase, openForCommand } from "../db/open.ts";
import { loadKinds } from "../kinds/mounted/load.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** Calls `body` with the database that the settings name, opened with all kinds. Throws CommandError when there is no such embedded database. */
export const withDatabase = async <T>(body: (db: OwnedDatabase, config: Config) => Promise<T>): Promise<T> => {
  const config = loadConfig();
  const { database } = config;
  if (database.kind === "pglite" && !hasDatabase(database.folder))
    throw new CommandError(`There is no database in ${database.folder}: set DATABASE_URL to the one that is meant.`, ExitCode.USAGE);
  const { kinds } = loadKinds(config);
  await using db = await openForCommand(config, createLogger(config.logLevel), kinds);
  return await body(db, config);
};
