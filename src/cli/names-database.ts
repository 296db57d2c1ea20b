import { loadConfig } from "../config.ts";
import { assertMigrated } from "../db/migrate.ts";
import { openForCommand } from "../db/open.ts";
import type { Database } from "../db/orm.ts";
import { type Findings, findOutdated } from "../stored-names/recompute.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** The most collisions that are listed for people; --json lists all. */
const SHOWN = 100;

/** Opens the database that the settings name, and calls `use` with it and its outdated canonical forms; returns the result of `use`. */
export const withOutdated = async <R>(use: (db: Database, findings: Findings) => Promise<R>): Promise<R> => {
  const config = loadConfig();
  await using db = await openForCommand(config, createLogger(config.logLevel));
  await assertMigrated(db);
  // Awaited: the database is closed at the end of this function.
  return await use(db, await findOutdated(db));
};

/** Counts the rows with outdated canonical forms for each sort of name, such as `username`. */
export const counted = ({ outdated }: Findings): Record<string, number> =>
  Object.fromEntries([...outdated].map(([{ what }, rows]) => [what, rows.length]));

/** Formats the numbers of rows with outdated canonical forms as lines for people. */
export const countLines = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${what}: ${count}\n`)
    .join("");

/** Formats the first 100 collisions (names that recomputing would make equal) as lines for people: the sort of name, and who has the names. */
export const collisionLines = ({ collisions }: Findings): string => {
  const lines = collisions.slice(0, SHOWN).map(({ what, owners }) => `one ${what}: ${owners.join(", ")}\n`);
  return lines.join("") + (collisions.length > SHOWN ? `and ${collisions.length - SHOWN} more; --json lists all\n` : "");
};

/** Makes the error for names that recomputing would make equal; the message says how to rename or remove them. */
export const collisionError = ({ collisions }: Findings): CommandError =>
  new CommandError(
    `${collisions.length} ${collisions.length === 1 ? "name" : "names"} would belong to several; nothing was changed. Rename all but one of each ` +
      "(UpdateUser), or remove the address (RemoveUserEmail, RemoveMember, RemoveAccountContact), then run it again.",
    ExitCode.CONFLICT,
  );
