import { access, constants, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Command, Option } from "commander";
import { loadConfig } from "../config.ts";
import { migrate } from "../db/migrate.ts";
import { openForCommand } from "../db/open.ts";
import { ImportFault } from "../import/fault.ts";
import { runImport } from "../import/import.ts";
import { keepHeapSmall } from "../import/memory.ts";
import { createProgress } from "../import/progress.ts";
import { type ImportReport, isStopped } from "../import/report.ts";
import { formatReport } from "../import/report-text.ts";
import { openSource, STDIN } from "../import/source.ts";
import type { OnConflict } from "../import/transaction.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError, ExitCode } from "./exit.ts";

type ImportCommand = { readonly dryRun?: true; readonly onConflict: OnConflict; readonly map?: string; readonly json?: true };

/** Where the new ids are written; undefined when there can be none. */
const mapFileOf = (file: string, { dryRun, onConflict, map }: ImportCommand): string | undefined => {
  if (onConflict !== "remap" || dryRun) return undefined;
  if (map === undefined && file === STDIN)
    throw new CommandError("--on-conflict=remap from standard input needs --map FILE.", ExitCode.USAGE);
  return map ?? `${file}.map.json`;
};

/** Asked before the import, so that a map that can't be written is known before anything is stored. */
const assertWritable = async (mapFile: string): Promise<void> => {
  try {
    await access(dirname(mapFile), constants.W_OK);
  } catch (error) {
    throw new CommandError(`The map can't be written: ${(error as Error).message}.`, ExitCode.USAGE);
  }
};

const formatMap = ({ remapped }: ImportReport): string =>
  `${JSON.stringify({ users: Object.fromEntries(remapped.map(({ pk, id }) => [pk, id])) }, null, 2)}\n`;

const importFile = async (file: string, options: ImportCommand): Promise<ImportReport> => {
  const { dryRun = false, onConflict } = options;
  const mapFile = mapFileOf(file, options);
  const config = loadConfig();
  const log = createLogger(config.logLevel);
  const { stream, size } = await openSource(file);
  if (mapFile !== undefined) await assertWritable(mapFile);
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort(new CommandError("Interrupted: nothing was stored.", ExitCode.FAILURE)));
  await using db = await openForCommand(config, log);
  await migrate(db, log);
  using progress = createProgress(size);
  const report = await runImport(db, stream, {
    systemUsername: config.systemUsername,
    dryRun,
    onConflict,
    onProgress: progress.show,
    signal: interrupt.signal,
  });
  if (report.stored && mapFile !== undefined) await writeFile(mapFile, formatMap(report), { mode: 0o600 });
  return report;
};

const run = async (file: string, options: ImportCommand): Promise<void> => {
  keepHeapSmall();
  try {
    const report = await importFile(file, options);
    process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
    if (isStopped(report)) process.exitCode = ExitCode.CONFLICT;
  } catch (error) {
    if (error instanceof ImportFault) throw new CommandError(`${error.message} Nothing was stored.`, ExitCode.USAGE);
    throw error;
  }
};

/** `userd import`: takes the users of a Sentry export or a Django dump into the database, all of the file or nothing. */
export const importCommand = (): Command =>
  new Command("import")
    .description(
      "Import a JSON export of Sentry or Django's dumpdata: all of it or nothing. The service must not run on an embedded database.",
    )
    .argument("<file>", `the export; ${STDIN} for standard input`)
    .option("--dry-run", "do everything but store it")
    .addOption(
      new Option(
        "--on-conflict <what>",
        "users whose id or username belongs to somebody else here: store nothing, leave them out, or give them new ids",
      )
        .choices(["fail", "skip", "remap"])
        .default("fail"),
    )
    .option("--map <file>", "where --on-conflict=remap writes the new ids (default: FILE.map.json)")
    .option("--json", "print the report as JSON")
    .action(run);
