import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { loadConfig } from "../config.ts";
import { migrate } from "../db/migrate.ts";
import { openForCommand } from "../db/open.ts";
import { ImportFault } from "../import/fault.ts";
import { runImport } from "../import/import.ts";
import { keepHeapSmall } from "../import/memory.ts";
import { createProgress } from "../import/progress.ts";
import { type ImportReport, isEmpty, isStopped } from "../import/report.ts";
import { formatReport } from "../import/report-text.ts";
import { openSource, STDIN } from "../import/source.ts";
import type { Ids, OnConflict } from "../import/transaction.ts";
import { print } from "../print.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { openListFile } from "./list-file.ts";
import { openMapFile } from "./map-file.ts";

type ImportCommand = {
  readonly dryRun?: true;
  readonly intoEmpty?: true;
  readonly overwrite?: true;
  readonly onConflict: OnConflict;
  readonly ids: Ids;
  readonly userModel?: string;
  readonly map?: string;
  readonly list?: string;
  readonly json?: true;
};

/** Returns the path of the file that the new ids are written to; undefined when the import gives none. */
const mapFileOf = (file: string, { dryRun, onConflict, ids, map }: ImportCommand): string | undefined => {
  const isRemapping = onConflict === "remap" || onConflict === "merge";
  if (!(isRemapping || ids === "new") || dryRun) return undefined;
  if (map === undefined && file === STDIN)
    throw new CommandError(
      `${isRemapping ? `--on-conflict=${onConflict}` : "--ids new"} from standard input needs --map FILE.`,
      ExitCode.USAGE,
    );
  return map ?? `${file}.map.json`;
};

/** Returns the identity of the file at a path, however the path is spelt; of a file that does not exist yet, the path. */
const identityOf = async (path: string): Promise<string> => {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? resolve(path) : `${found.dev}:${found.ino}`;
};

/** Refuses one file for two purposes, since what is written would destroy what is there. Throws CommandError with code 2. */
const assertDistinct = async (paths: readonly (string | undefined)[]): Promise<void> => {
  const given = paths.filter((path) => path !== undefined && path !== STDIN) as string[];
  const files = new Set(await Promise.all(given.map(identityOf)));
  if (files.size < given.length) throw new CommandError("The export, --map and --list have to be different files.", ExitCode.USAGE);
};

const importFile = async (file: string, options: ImportCommand): Promise<ImportReport> => {
  const { dryRun = false, overwrite = false, onConflict, ids } = options;
  const mapFile = mapFileOf(file, options);
  await assertDistinct([file, mapFile, options.list]);
  const config = loadConfig();
  const log = createLogger(config.logLevel);
  const { stream, size } = await openSource(file);
  await using map = mapFile === undefined ? undefined : await openMapFile(mapFile);
  await using list = options.list === undefined ? undefined : await openListFile(options.list);
  const interrupt = new AbortController();
  for (const [signal, code] of [
    ["SIGINT", ExitCode.INTERRUPTED],
    ["SIGTERM", ExitCode.TERMINATED],
  ] as const) {
    process.once(signal, () => interrupt.abort(new CommandError("Interrupted: nothing was stored.", code)));
  }
  await using db = await openForCommand(config, log);
  await migrate(db, log);
  using progress = createProgress(size);
  const report = await runImport(db, stream, {
    systemUsername: config.systemUsername,
    dryRun,
    onConflict,
    ids,
    ...(options.userModel !== undefined && { userModel: options.userModel }),
    overwrite,
    onProgress: progress.show,
    signal: interrupt.signal,
    ...(list !== undefined && { onLine: list.add }),
    beforeCommit: async (found) => {
      await list?.flush();
      await map?.write(found);
    },
  });
  if (report.stored) await map?.publish();
  else await list?.flush();
  return report;
};

/** Runs `userd import`: imports a file into the database that the settings name, in this process, and prints the report. */
export const run = async (file: string, options: ImportCommand): Promise<void> => {
  if (options.intoEmpty) return (await import("./import-export.ts")).importExport(file, options.dryRun === true);
  keepHeapSmall();
  try {
    const report = await importFile(file, options);
    print(options.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
    if (isStopped(report)) process.exitCode = ExitCode.CONFLICT;
    else if (isEmpty(report)) process.exitCode = ExitCode.NOT_FOUND;
  } catch (error) {
    if (error instanceof ImportFault) throw new CommandError(`${error.message} Nothing was stored.`, ExitCode.USAGE);
    throw error;
  }
};
