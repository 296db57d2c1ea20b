import { sql } from "kysely";
import { importedValues, importLinks, importSources } from "../../contract/kinds/imports.ts";
import type { Column, Link } from "../../contract/kinds/kind.ts";
import { type ImportedKind, importedKinds, isReferring } from "../kinds/staging.ts";
import type { SentryModel, SentryRow } from "./sentry-model.ts";
import { isoTime, numberOf, plainJson, pythonList } from "./values.ts";

/** The references that Sentry keeps across its silos, whose fields end in `_id`. */
const suffixed: Readonly<Record<string, readonly string[]>> = {
  "sentry.rule": ["environment"],
  "sentry.environment": ["organization"],
  "sentry.monitor": ["organization", "project"],
  "sentry.organizationintegration": ["organization"],
  "sentry.orgauthtoken": ["organization", "project_last_used"],
  "sentry.alertruletriggeraction": ["integration"],
  "sentry.alertrule": ["user"],
};

/** Fields of JSON that Sentry writes as a text. */
const textsOfJson = new Set(["sentry.rule.data"]);

/** Fields of kinds that Sentry's models do not have: its importer refuses a record with one. */
const ownFields = new Set(["sentry.environment.is_hidden", "sentry.incident.event_id", "sentry.incident.issue_id"]);

/** Fields that only some versions of Sentry have, which are left out where there is no value. */
const optionalFields = new Set(["sentry.monitor.owner"]);

/** Fields of texts in which Sentry has null where there is no value, and no empty text. */
const nullableTexts = new Set(["sentry.incident.detection_uuid", "sentry.alertruletriggeraction.target_display"]);

const fieldValue = (model: string, column: Column, isOfWords: boolean, stored: unknown): unknown => {
  if (stored === null || stored === undefined) return null;
  if (stored === "" && nullableTexts.has(`${model}.${column.field.name}`)) return null;
  const { type, field, enumBase } = column;
  if (type === "smallint") {
    const number = Number(stored) + enumBase;
    const text = [...importedValues(field)].find(([, value]) => value === number)?.[0];
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : (text ?? null);
  }
  if (isOfWords) return pythonList(String(stored) === "" ? [] : String(stored).split(" "));
  if (type === "timestamptz") return isoTime(stored);
  if (type === "jsonb") {
    const json = plainJson(stored);
    return textsOfJson.has(`${model}.${field.name}`) ? JSON.stringify(json) : json;
  }
  if (type === "bytea") return stored instanceof Uint8Array ? Buffer.from(stored).toString("hex") : null;
  return type === "bigint" || type === "int" ? Number(stored) : stored;
};

/** The fields of a record of the model `part`, or of the kind's own, which is "". */
const fieldsOf = (model: string, columns: readonly Column[], part: string, row: SentryRow): Record<string, unknown> => {
  const fields: Record<string, unknown> = {};
  for (const column of columns) {
    const [source] = importSources(column.field, isReferring(column)).filter((one) => one.part === part);
    if (source === undefined) continue;
    const [name = ""] = source.names;
    const stored = row[column.name];
    if (ownFields.has(`${model}.${name}`)) continue;
    if (source.isOwner)
      fields[name] ??= stored === null ? null : `${isReferring(column) ? column.reference.to.name : ""}:${String(stored)}`;
    else if (isReferring(column)) fields[suffixed[model]?.includes(name) ? `${name}_id` : name] = numberOf(stored);
    else fields[name] = fieldValue(model, column, source.isOfWords, stored);
  }
  for (const [name, value] of Object.entries(fields)) if (value === null && optionalFields.has(`${model}.${name}`)) delete fields[name];
  return fields;
};

const select = (columns: readonly Column[]) =>
  sql.join(
    columns.map(({ name, type }) => (type === "jsonb" ? sql`${sql.ref(`x.${name}`)}::text as ${sql.ref(name)}` : sql.ref(`x.${name}`))),
  );

const modelsOf = ({ kind, models, columns, parts, links }: ImportedKind): readonly SentryModel[] => {
  const [own] = models;
  if (own === undefined) return [];
  const isSoft = kind.columns.some(({ name }) => name === "delete_time");
  const where = isSoft ? sql`x.delete_time is null` : sql`true`;
  const { table } = kind;
  // The organization, which a kind that is part of something repeats.
  const organization = suffixed[own.model]?.includes("organization") ? "organization_id" : "organization";
  const repeats = kind.ancestors.length > 1 && organization === "organization_id";
  const all = [...columns.filter(({ name }) => name !== "organization_id")];
  const stored = sql`${select(all)}${kind.columns.some(({ name }) => name === "organization_id") ? sql`, x.organization_id` : sql``}`;
  const ofOrganization = columns.some(({ name }) => name === "organization_id");
  return [
    ...parts.map(
      (part): SentryModel => ({
        ...{ model: part.model, table, columns: select(part.columns), where },
        fields: (row) => fieldsOf(part.model, part.columns, part.model, row),
      }),
    ),
    {
      ...{ model: own.model, table, columns: stored, where },
      fields: (row) => ({
        ...(ofOrganization || repeats ? { [organization]: numberOf(row["organization_id"]) } : {}),
        ...fieldsOf(own.model, all, "", row),
        ...Object.fromEntries(parts.map(({ names }) => [names[0], numberOf(row["pk"])])),
      }),
    },
    ...links.flatMap(({ link }) => linkModels(kind.name, link)),
  ];
};

const linkModels = (kind: string, link: Link): readonly SentryModel[] =>
  importLinks(link)
    .filter(({ model }) => !importedKinds.some(({ models }) => models.some((of) => of.model === model)))
    .map(({ model, resource, linked }) => ({
      ...{ model, table: link.table, columns: sql`${sql.ref(`x.${kind}_id`)} as resource, ${sql.ref(`x.${link.column}`)} as linked` },
      fields: (row) => ({ [resource[0] ?? ""]: numberOf(row["resource"]), [linked[0] ?? ""]: numberOf(row["linked"]) }),
    }));

/** The models that kinds declare, each after what it refers to. */
export const kindModels: readonly SentryModel[] = importedKinds.flatMap(modelsOf);
