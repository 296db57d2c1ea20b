import { OWN_MODEL } from "../../../src/import/formats/own-line.ts";
import { importedKinds } from "../../../src/import/kinds/staging.ts";
import type { ImportReport, ReportLine } from "../../../src/import/report.ts";
import type { Answers } from "./answers.ts";
import type { FileRecord } from "./records.ts";

/** A file, what the import said of it, and what the service answers afterwards. */
export type World = {
  readonly file: readonly FileRecord[];
  readonly report: ImportReport;
  /** Whether the keys of the file became external ids. */
  readonly isRenumbered: boolean;
  readonly answers: Answers;
  readonly linesOf: (record: number, model: string) => readonly ReportLine[];
  /** The id here of a record of the file, or of what only is here; undefined when the record was skipped. */
  readonly idOf: (kind: string, pk: unknown) => string | undefined;
  /** The same for users, who may be named. */
  readonly userOf: (reference: unknown) => Promise<string | undefined>;
  readonly recordOf: (models: readonly string[], pk: unknown) => FileRecord | undefined;
};

/** The models of users. */
export const userModels: readonly string[] = ["sentry.user", "auth.user", "users.user", OWN_MODEL];

const models = {
  user: userModels,
  organization: ["sentry.organization", "sentry.organizationmapping"],
  project: ["sentry.project"],
  team: ["sentry.team"],
  account: ["account.account"],
} as const;

const modelsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ...Object.entries(models),
  ...importedKinds.map((one) => [one.kind.name, one.models.map(({ model }) => model)] as const),
]);

/** By what others refer to a record. */
const keyOf = ({ pk, model, fields }: FileRecord): string | undefined =>
  model === "sentry.organizationmapping" ? String(fields.organization_id) : pk;

/** Brings the three together. */
export const createWorld = (
  file: readonly FileRecord[],
  { report, lines, isRenumbered }: { readonly report: ImportReport; readonly lines: readonly ReportLine[]; readonly isRenumbered: boolean },
  answers: Answers,
): World => {
  const linesOf = (record: number, model: string) => lines.filter((line) => line.record === record && line.model === model);
  const isSkipped = ({ record, model }: FileRecord) => linesOf(record, model).some(({ fate }) => fate === "skipped");
  const recordOf = (among: readonly string[], pk: unknown) =>
    file.findLast((record) => among.includes(record.model) && keyOf(record) === String(pk) && !isSkipped(record));
  const idOf = (kind: string, pk: unknown) => {
    const id = String(pk);
    const among = modelsOf.get(kind) ?? [];
    if (recordOf(among, id) !== undefined) return report.remapped.find((one) => one.kind === kind && one.pk === id)?.id ?? id;
    return file.some((record) => among.includes(record.model) && keyOf(record) === id) ? undefined : id;
  };
  return {
    file,
    report,
    isRenumbered,
    answers,
    linesOf,
    idOf,
    recordOf,
    userOf: async (reference) => {
      if (!Array.isArray(reference)) return idOf("user", reference);
      const [name] = reference as string[];
      const named = file.filter(({ model, fields }) => models.user.includes(model) && (fields.username ?? fields.email) === name);
      const [user] = named.filter((record) => !isSkipped(record));
      if (user !== undefined) return idOf("user", user.pk);
      return named.length > 0 || name === undefined ? undefined : await answers.userNamed(name);
    },
  };
};
