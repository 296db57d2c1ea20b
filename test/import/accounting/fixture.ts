import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { OwnedDatabase } from "../../../src/db/open.ts";
import type { ImportOptions } from "../../../src/import/import.ts";
import type { ImportReport, ReportLine } from "../../../src/import/report.ts";
import type { Clients } from "../../support/clients.ts";
import { importRecords } from "../fixture.ts";
import { type Account, account, type Seen } from "./account.ts";
import { createAnswers } from "./answers.ts";
import { type FileRecord, readFile } from "./records.ts";
import { createWorld, type World } from "./world.ts";

const urlOf = (path: string): URL => new URL(`../${path}`, import.meta.url);

/** The text of a file of this folder's neighbours. */
export const fileText = (path: string): string =>
  readFileSync(urlOf(existsSync(urlOf(`${path}.json`)) ? `${path}.json` : `${path}.jsonl`), "utf8");

const inFolder = (folder: string): string[] =>
  readdirSync(urlOf(folder))
    .map((name) => `${folder}/${name.replace(/\.jsonl?$/, "")}`)
    .sort();

/** The exports of other programs, the cases, and a file with every model. */
export const samples = inFolder("samples");
export const cases = inFolder("cases");
export const own = inFolder("accounting/files");

/** The hint at what is missing when records are lost. */
export const stored = "a reader without a step in src/import/merge.ts stores nothing; a field that changes needs a line in the report";

/** Files that are refused unless they get new ids: theirs are no numbers. */
export const refused = ["cases/04-uuid-pk"];

/** An import with every line of its report. */
export type Imported = {
  readonly file: readonly FileRecord[];
  readonly report: ImportReport;
  readonly lines: readonly ReportLine[];
  readonly isRenumbered: boolean;
};

/** Imports a file, and keeps all that is said of it. */
export const importFile = async (db: OwnedDatabase, text: string, options: ImportOptions = {}): Promise<Imported> => {
  const lines: ReportLine[] = [];
  const report = await importRecords(db, text, { ...options, onLine: (line) => void lines.push(line) });
  return { file: readFile(text), report, lines, isRenumbered: options.ids === "new" };
};

/** What the service answers now. */
export const worldOf = (imported: Imported, clients: Clients, db: OwnedDatabase): World =>
  createWorld(imported.file, imported, createAnswers(clients, db));

/** Accounts for a file that was imported. */
export const accountFor = (imported: Imported, clients: Clients, db: OwnedDatabase): Promise<Account> =>
  account(worldOf(imported, clients, db));

/** What became of invitations that were here, by the names of their answers. */
const invitationsOf = (lines: readonly ReportLine[]): ReadonlyMap<string, string> =>
  new Map(
    lines.flatMap(({ reason, about }) => {
      const [, fate] = /^an organization here had invited the address: its user is a member (now|already)/.exec(reason) ?? [];
      const [, member, organization] = /^member (\d+) of organization (\d+);/.exec(about ?? "") ?? [];
      return fate === undefined ? [] : [[`member ${organization} ${member}`, fate] as const];
    }),
  );

/** A membership that was an invitation keeps all but what makes it one. */
const accepted = (values: Seen): Seen =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      name === "email as email" ? "" : name === "token_expires_at as inviteExpireTime" ? null : value,
    ]),
  );

/** The rows of a first file that are not as before a second one, which neither holds them nor says what became of them. */
export const changedBeside = (before: Account, after: Account, second: Account, lines: readonly ReportLine[]): string[] => {
  const invitations = invitationsOf(lines);
  return [...before.seen]
    .filter(([name, values]) => {
      const fate = invitations.get(name);
      const expected = fate === "already" ? undefined : fate === "now" ? accepted(values) : values;
      return !second.seen.has(name) && !isDeepStrictEqual(expected, after.seen.get(name));
    })
    .map(([name]) => name);
};
