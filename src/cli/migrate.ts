import { Command } from "commander";
import { loadConfig } from "../config.ts";

const run = async (): Promise<void> => {
  const config = loadConfig();
  // Loaded when needed: commands that are clients start without a database in memory.
  const { migrate } = await import("../db/migrate.ts");
  const { openForCommand } = await import("../db/open.ts");
  const { createLogger } = await import("../telemetry/logger.ts");
  const log = createLogger(config.logLevel);
  await using db = await openForCommand(config, log);
  const done = await migrate(db, log);
  process.stdout.write(done.length === 0 ? "The database is up to date.\n" : `Migrated: ${done.join(", ")}.\n`);
};

/** `userd migrate`: brings the database's schema up to date. */
export const migrateCommand = (): Command =>
  new Command("migrate").description("Bring the database's schema up to date; serve does it too, unless told not to.").action(run);
