import type { JsonObject, Message } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Column, Kind, Link } from "../contract/kinds/kind.ts";
import { invalidField } from "../errors.ts";
import { momentOf } from "../moment.ts";
import { jsonOf, toValue } from "../options/value.ts";

/** A message of a kind: only its descriptor knows more. */
export type Resource = Message & { readonly [field: string]: unknown };

/** The values that a request gives to columns, and the ids that it gives to links. */
export type Values = { readonly columns: ReadonlyMap<Column, unknown>; readonly links: ReadonlyMap<Link, readonly bigint[]> };

const convert = ({ type, defaultValue }: Column, value: unknown, path: string): unknown => {
  if (value === undefined) return defaultValue;
  if (type === "timestamptz") return momentOf(value as Timestamp);
  if (type === "jsonb") return JSON.parse(jsonOf(toValue(value as JsonObject), path));
  // In requests UNSPECIFIED is the default.
  return type === "smallint" && value === 0 ? defaultValue : value;
};

const columnValue = (kind: Kind, column: Column, resource: Resource): unknown => {
  const path = `${kind.name}.${column.name}`;
  const value = resource[column.field.localName];
  // A parent is no optional field: 0 is its absence.
  if (column.isRequired && (value === undefined || value === 0n)) throw invalidField(path, "is required");
  return convert(column, value, path);
};

/**
 * The values of the fields that are asked for, by their local names.
 * @throws INVALID_ARGUMENT for a required field without a value, and for JSON as of an option.
 */
export const valuesOf = (kind: Kind, resource: Resource, isAsked: (localName: string) => boolean): Values => ({
  columns: new Map(
    kind.columns
      .filter(({ field, isOutputOnly }) => !isOutputOnly && isAsked(field.localName))
      .map((column) => [column, columnValue(kind, column, resource)]),
  ),
  links: new Map(
    kind.links.filter(({ field }) => isAsked(field.localName)).map((link) => [link, resource[link.field.localName] as readonly bigint[]]),
  ),
});
