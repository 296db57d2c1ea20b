import { addAbortSignal, type Readable } from "node:stream";
import { sql } from "kysely";
import { isUniqueViolation } from "../db/faults.ts";
import { RolledBack, transact } from "../db/in-transaction.ts";
import type { OwnedDatabase } from "../db/open.ts";
import { BACKGROUND } from "../db/places.ts";
import { createSession } from "../db/session.ts";
import { createVault } from "../secrets/secrets.ts";
import { createSystemUser } from "../users/system-user.ts";
import { keys } from "./keys.ts";
import { matching, preparing, writing } from "./merge.ts";
import { readRecords } from "./records.ts";
import type { Conflict, ImportReport, ReportLine } from "./report.ts";
import { stageFile } from "./stage.ts";
import { createStaging, createStagingTables, notes, skips } from "./staging.ts";
import { conflicts } from "./steps/conflict-table.ts";
import { listConflicts, remappedIds } from "./steps/conflicts.ts";
import { nameUserModel } from "./steps/user-model.ts";
import { eachLine, lists, modelReports, stagingTables, withKeys } from "./summary.ts";
import { createTally } from "./tally.ts";
import type { Ids, ImportTx, OnConflict } from "./transaction.ts";
import { createModels } from "./user-model.ts";

/** The progress of an import: its phase, and how many bytes and records of the file it has read. */
export type ImportProgress = {
  /** `reading`, or the name of a step of the merge. */
  readonly phase: string;
  readonly bytes: number;
  readonly records: number;
};

/** The options of one import (`runImport`): how it treats conflicts and ids, and the functions to which it reports. */
export type ImportOptions = {
  /** Runs the whole import, reports it, and rolls it back. */
  readonly dryRun?: boolean;
  readonly onConflict?: OnConflict;
  readonly ids?: Ids;
  /** The model that holds the users, where the file has several that could. */
  readonly userModel?: string;
  /** Lets the file replace values in the database also where it is not known to be newer. */
  readonly overwrite?: boolean;
  /** The setting SYSTEM_USERNAME. A file can't deactivate or suspend the user of this name. */
  readonly systemUsername?: string;
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Receives all that was skipped or noted, one line per call; the report names only the first ones of each reason. */
  readonly onLine?: (line: ReportLine) => Promise<void> | void;
  /** Called after all is written and before the commit, if the import will be stored. An error that it throws rolls the import back. */
  readonly beforeCommit?: (report: ImportReport) => Promise<void>;
  /** Ends the import when it aborts; nothing is stored then. */
  readonly signal?: AbortSignal;
};

/** Sets who writes, for the change log. Turns off time limits, which are for calls, and the compiling of single statements. */
const setContext = (tx: ImportTx) =>
  tx.rows(sql`select set_config('userd.caller', 'import', true),
    set_config('statement_timeout', '0', true),
    set_config('jit', 'off', true),
    set_config('idle_in_transaction_session_timeout', '0', true)`);

const stops = (tx: ImportTx, found: readonly Conflict[]): boolean => found.length > 0 && tx.onConflict === "fail";

/** The most attempts to merge, while the running service stores the same things first. */
const ATTEMPTS = 5;

/** Repeats a merge after a unique violation: the service stored the same thing since the comparison, which finds it now. */
const untilUnrivalled = async <T>(tx: ImportTx, merge: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    await tx.rows(sql`savepoint matched`);
    try {
      return await merge();
    } catch (error) {
      if (!isUniqueViolation(error) || attempt === ATTEMPTS) throw error;
      await tx.rows(sql`rollback to savepoint matched`);
    }
  }
};

/** Stages a file and merges it, unless conflicts stop it. */
const importFile = async (tx: ImportTx, source: Readable, options: ImportOptions): Promise<Omit<ImportReport, "stored" | "dryRun">> => {
  const tally = createTally();
  let bytes = 0;
  const progress = (phase: string) => options.onProgress?.({ phase, bytes, records: tally.records() });
  const run = async (steps: typeof matching) => {
    for (const step of steps) {
      progress(step.name);
      await step.run(tx);
    }
  };

  await setContext(tx);
  await createStagingTables(tx, [...stagingTables, skips, notes, conflicts, keys]);
  const models = createModels(options.userModel);
  await stageFile(readRecords(source), models, createStaging(tx), tx, tally, (read) => {
    bytes = read;
    progress("reading");
  });
  await nameUserModel(tx, models.userModel());
  await run(preparing);
  const found = await untilUnrivalled(tx, async () => {
    await run(matching);
    const listed = await listConflicts(tx);
    if (!stops(tx, listed)) await run(writing);
    return listed;
  });
  if (options.onLine !== undefined) await eachLine(tx, options.onLine);
  return {
    records: tally.records(),
    models: await modelReports(tx, tally, !stops(tx, found)),
    ...(await withKeys(tx, await lists(tx, tally))),
    conflicts: found,
    remapped: stops(tx, found) ? [] : await remappedIds(tx),
  };
};

/**
 * Imports records `{model, pk, fields}`, as Sentry's relocation and Django's dumpdata write them. One transaction stores all of the file,
 * or nothing. Importing the same file again changes nothing.
 * @throws ImportFault when the file is broken; the message says at which record and field.
 */
export const runImport = async (
  db: Pick<OwnedDatabase, "kind" | "kinds" | "places" | "sql" | "abort" | "secretKey">,
  source: Readable,
  options: ImportOptions = {},
): Promise<ImportReport> => {
  const {
    dryRun = false,
    onConflict = "fail",
    ids = "keep",
    overwrite = false,
    systemUsername = "sentry",
    signal = new AbortController().signal,
  } = options;
  const context = {
    dryRun,
    onConflict,
    ids,
    overwrite,
    vault: createVault(db.secretKey),
    systemUser: createSystemUser(systemUsername),
    given: new Map<string, number>(),
    unordered: new Set<string>(),
    past: { isEmpty: false },
    pending: [],
  };
  // A source that is waited for ends at once too.
  addAbortSignal(signal, source);
  try {
    return await transact(db, BACKGROUND, async (transaction) => {
      const abort = db.abort({ signal });
      const outside = db.kind === "postgres" ? createSession(db.sql, db.kinds, abort) : undefined;
      const tx: ImportTx = { ...createSession(transaction, db.kinds, abort), ...context, outside };
      const found = await importFile(tx, source, options);
      await Promise.all(tx.pending);
      const stored = !dryRun && !stops(tx, found.conflicts);
      signal.throwIfAborted();
      const report = { stored, dryRun, ...found };
      if (!stored) throw new RolledBack(report);
      await options.beforeCommit?.(report);
      return report;
    });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    source.destroy();
  }
};
