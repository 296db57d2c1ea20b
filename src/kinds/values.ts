import { randomUUID } from "node:crypto";
import type { JsonObject, Message } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Column, type Kind, type Link, ORGANIZATION_IDS } from "../contract/kinds/kind.ts";
import { invalidField } from "../errors.ts";
import { momentOf } from "../moment.ts";
import { jsonOf, toValue } from "../options/value.ts";
import { oncePerKind } from "./once-per-kind.ts";

/** A message of a kind, whose fields are unknown to TypeScript: only the kind's descriptor has them. */
export type Resource = Message & { readonly [field: string]: unknown };

/** The values that a request gives to a resource: one for each column, and the ids for each link. */
export type Values = { readonly columns: ReadonlyMap<Column, unknown>; readonly links: ReadonlyMap<Link, readonly bigint[]> };

/** Returns the ids of the organizations that are to share the resource; empty if the values have no organization_ids. */
export const sharersIn = ({ links }: Values): readonly bigint[] => {
  for (const [{ name }, ids] of links) if (name === ORGANIZATION_IDS) return ids;
  return [];
};

/** In requests UNSPECIFIED is the default. */
const enumValue = ({ name, defaultValue, deletedValue, enumBase }: Column, value: number | undefined, at: string): number | null => {
  if (value !== undefined && value === deletedValue) throw invalidField(`${at}.${name}`, "can't be set to deleted");
  const given = value || (defaultValue as number | null);
  return given === null ? null : given - enumBase;
};

const convert = (column: Column, value: unknown, at: string): unknown => {
  const { type, defaultValue, isUuid, isNow } = column;
  if (type === "smallint") return enumValue(column, value as number | undefined, at);
  if (value === undefined) return isUuid ? randomUUID() : isNow ? new Date() : defaultValue;
  if (type === "timestamptz") return momentOf(value as Timestamp);
  return type === "jsonb" ? JSON.parse(jsonOf(toValue(value as JsonObject | JsonObject[]), `${at}.${column.name}`)) : value;
};

const columnValue = (at: string, column: Column, resource: Resource): unknown => {
  const value = resource[column.field.localName];
  if (column.isNotBlank && ((value ?? "") as string).trim() === "") throw invalidField(`${at}.${column.name}`, "must not be blank");
  // A parent is no optional field: 0 is its absence.
  if (column.isRequired && (value === undefined || value === 0n)) throw invalidField(`${at}.${column.name}`, "is required");
  return convert(column, value, at);
};

const linkedIds = (at: string, { name, field, isRequired }: Link, resource: Resource): readonly bigint[] => {
  const ids = resource[field.localName] as readonly bigint[];
  if (isRequired && ids.length === 0) throw invalidField(`${at}.${name}`, "is required");
  return ids;
};

/** The columns and links of a kind that requests set. */
const givenOf = oncePerKind(({ columns, links }) => ({
  columns: columns.filter(({ isOutputOnly }) => !isOutputOnly),
  links: links.filter(({ isOutputOnly }) => !isOutputOnly),
}));

/**
 * Reads from the message of a resource the values to store: those of the fields whose names in camelCase `isAsked` accepts, except output-only
 * fields.
 * @param at the path of the resource in the request, which the errors begin with.
 * @throws INVALID_ARGUMENT for a required field without a value, a blank text where none may be, or JSON that `jsonOf` refuses.
 */
export const valuesOf = (kind: Kind, resource: Resource, isAsked: (localName: string) => boolean, at: string = kind.name): Values => {
  const given = givenOf(kind);
  const columns = new Map<Column, unknown>();
  const links = new Map<Link, readonly bigint[]>();
  for (const column of given.columns) if (isAsked(column.field.localName)) columns.set(column, columnValue(at, column, resource));
  for (const link of given.links) if (isAsked(link.field.localName)) links.set(link, linkedIds(at, link, resource));
  return { columns, links };
};

/** Reads the values that an update asks for, like `valuesOf`, but refuses an empty slug, since updates generate no slugs. */
export const changedValues = (kind: Kind, resource: Resource, isAsked: (localName: string) => boolean): Values => {
  const values = valuesOf(kind, resource, isAsked);
  for (const [{ name, slugFrom }, value] of values.columns)
    if (slugFrom !== "" && value === "") throw invalidField(`${kind.name}.${name}`, "must not be empty");
  return values;
};
