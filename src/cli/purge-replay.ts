import { LedgerFault } from "../lifecycle/erasure/ledger.ts";
import { replayLedger } from "../lifecycle/erasure/replay.ts";
import { print } from "../print.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { withDatabase } from "./whole-database.ts";

type PurgeOptions = { readonly ledger?: string; readonly dryRun?: boolean };

/** Erases what the ledger names and the database has. */
export const run = ({ ledger: named, dryRun = false }: PurgeOptions): Promise<void> =>
  withDatabase(async (db, config) => {
    const ledger = named ?? config.erasure.ledger;
    if (ledger === undefined) throw new CommandError("Name the ledger: set ERASURE_LEDGER, or give --ledger FILE.", ExitCode.USAGE);
    try {
      const { entries, erased } = await replayLedger(db, { key: config.erasure.key, ledger }, createLogger(config.logLevel), dryRun);
      const { user, ...others } = erased;
      const also = Object.entries(others).flatMap(([kind, count]) => (count > 0 ? [`, ${kind}s: ${count}`] : []));
      print(`The ledger has ${entries} erasures. ${dryRun ? "To be erased" : "Erased"} again: users: ${user}${also.join("")}.\n`);
    } catch (error) {
      if (error instanceof LedgerFault) throw new CommandError(`${error.message} Nothing was erased.`, ExitCode.USAGE, { cause: error });
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new CommandError(`There is no ledger ${ledger}.`, ExitCode.USAGE);
      throw error;
    }
  });
