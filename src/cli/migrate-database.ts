import { loadConfig } from "../config.ts";
import { migrate } from "../db/migrate.ts";
import { openForCommand } from "../db/open.ts";
import { print } from "../print.ts";
import { createLogger } from "../telemetry/logger.ts";

/** Migrates the database that the settings name, and prints what was done. */
export const run = async (): Promise<void> => {
  const config = loadConfig();
  const log = createLogger(config.logLevel);
  await using db = await openForCommand(config, log);
  const done = await migrate(db, log);
  print(done.length === 0 ? "The database is up to date.\n" : `Migrated: ${done.join(", ")}.\n`);
};
