import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { OwnedDatabase } from "../../../src/db/open.ts";
import type { ImportOptions } from "../../../src/import/import.ts";
import type { ImportReport, ReportLine } from "../../../src/import/report.ts";
import type { Clients } from "../../support/clients.ts";
import { importRecords } from "../fixture.ts";
import { type Account, account } from "./account.ts";
import { createAnswers } from "./answers.ts";
import { type FileRecord, readFile } from "./records.ts";
import { createWorld, type World } from "./world.ts";

/** The text of a file of this folder's neighbours. */
export const fileText = (path: string): string => readFileSync(new URL(`../${path}.json`, import.meta.url), "utf8");

const inFolder = (folder: string): string[] =>
  readdirSync(new URL(`../${folder}/`, import.meta.url))
    .map((name) => `${folder}/${name.replace(/\.json$/, "")}`)
    .sort();

/** The exports of other programs, the cases, and a file with every model. */
export const samples = inFolder("samples");
export const cases = inFolder("cases");
export const own = inFolder("accounting/files");

/** Files that are refused: their ids are no numbers. */
export const refused = ["cases/04-uuid-pk"];

/** An import with every line of its report. */
export type Imported = { readonly file: readonly FileRecord[]; readonly report: ImportReport; readonly lines: readonly ReportLine[] };

/** Imports a file, and keeps all that is said of it. */
export const importFile = async (db: OwnedDatabase, text: string, options: ImportOptions = {}): Promise<Imported> => {
  const lines: ReportLine[] = [];
  const report = await importRecords(db, text, { ...options, onLine: (line) => void lines.push(line) });
  return { file: readFile(text), report, lines };
};

/** What the service answers now. */
export const worldOf = (imported: Imported, clients: Clients, db: OwnedDatabase): World =>
  createWorld(imported.file, imported, createAnswers(clients, db));

/** Accounts for a file that was imported. */
export const accountFor = (imported: Imported, clients: Clients, db: OwnedDatabase): Promise<Account> =>
  account(worldOf(imported, clients, db));

/** The rows of a first file that are not as before a second one, which does not hold them. */
export const changedBeside = (before: Account, after: Account, second: Account): string[] =>
  [...before.seen]
    .filter(([name, values]) => !second.seen.has(name) && !isDeepStrictEqual(values, after.seen.get(name)))
    .map(([name]) => name);
