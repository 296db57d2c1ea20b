import { type Config, loadConfig } from "../config.ts";
import { hasDatabase } from "../db/data-folder.ts";
import { openForCommand } from "../db/open.ts";
import type { Database } from "../db/orm.ts";
import { loadKinds } from "../kinds/mounted/load.ts";
import type { KindSet } from "../schema/kind-set.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** Reads the kinds that userd serves. Throws CommandError when the setting KINDS mounts none. */
export const loadMounted = (config: Config): KindSet => {
  const { kinds } = loadKinds(config);
  if (kinds.mounted.length > 0) return kinds;
  throw new CommandError("KINDS mounts no descriptor set: name one, as docs/kinds.md says.", ExitCode.USAGE);
};

/**
 * Calls `body` with the database that the settings name, opened with the mounted kinds. Throws CommandError when KINDS mounts none, or there is
 * no such embedded database: who forgot DATABASE_URL wants no new one.
 */
export const withMounted = async <T>(body: (db: Database) => Promise<T>): Promise<T> => {
  const config = loadConfig();
  const kinds = loadMounted(config);
  const { database } = config;
  if (database.kind === "pglite" && !hasDatabase(database.folder))
    throw new CommandError(
      `There is no database in ${database.folder}: set DATABASE_URL to the one to change, or make one by \`userd migrate\`.`,
      ExitCode.USAGE,
    );
  await using db = await openForCommand(config, createLogger(config.logLevel), kinds);
  return await body(db);
};
