import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { loadConfig } from "../config.ts";
import { migrate } from "../db/migrate.ts";
import { openForCommand } from "../db/open.ts";
import { ImportFault } from "../import/fault.ts";
import { unpack } from "../import/formats/unpack.ts";
import { openSource, type Source } from "../import/source.ts";
import { loadKinds } from "../kinds/mounted/load.ts";
import { storeExport } from "../lifecycle/export/store.ts";
import { ExportFault } from "../lifecycle/export/store-rows.ts";
import { print } from "../print.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** Opens the file. Throws CommandError for one that can't be read. */
const open = async (file: string): Promise<Source> => {
  try {
    return await openSource(file);
  } catch (error) {
    if (error instanceof ImportFault) throw new CommandError(error.message, ExitCode.USAGE, { cause: error });
    throw error;
  }
};

/** Stores an export of userd in the empty database that the settings name, and prints what was stored. */
export const importExport = async (file: string, dryRun: boolean): Promise<void> => {
  const config = loadConfig();
  const log = createLogger(config.logLevel);
  const { stream } = await open(file);
  await using db = await openForCommand(config, log, loadKinds(config).kinds);
  await migrate(db, log);
  try {
    const { bytes } = await unpack(stream);
    const lines = createInterface({ input: Readable.from(bytes), crlfDelay: Number.POSITIVE_INFINITY });
    const { rows, tables, exportTime, startPosition } = await storeExport(db, lines, dryRun);
    const since = startPosition === undefined ? "" : ` Watch the feed there from the position ${startPosition} for what has changed since.`;
    print(`${dryRun ? "Nothing was stored (dry run)" : "Stored"}: ${rows} rows of ${tables} tables, exported at ${exportTime}.${since}\n`);
  } catch (error) {
    if (error instanceof ExportFault || error instanceof ImportFault)
      throw new CommandError(`${error.message} Nothing was stored.`, ExitCode.USAGE, { cause: error });
    throw error;
  } finally {
    stream.destroy();
  }
};
