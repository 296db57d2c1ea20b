import type { DescMessage } from "@bufbuild/protobuf";
import { KindScope } from "../../gen/userd/v1/kind_pb.ts";
import type { Note } from "./faults.ts";
import { type Column, type ColumnList, isComparable } from "./kind.ts";
import { kindOptionsOf } from "./options.ts";
import { isSecret } from "./secrets.ts";

/** Returns the scope that a message declares. */
export const scopeOf = (message: DescMessage): KindScope => kindOptionsOf(message).scope;

/** Tells whether resources have a parent: organizations have none, and neither has what they share. */
export const hasParent = (message: DescMessage): boolean =>
  scopeOf(message) !== KindScope.GLOBAL && scopeOf(message) !== KindScope.ORGANIZATIONS;

/** An index in the sentences of faults. */
export const INDEX = "an index";

/** Returns the columns of some fields of a kind; notes, as faults, fields without one. */
export const columnsOf = (
  message: DescMessage,
  what: string,
  fields: readonly string[],
  columns: readonly Column[],
  note: Note,
): Column[] =>
  fields.flatMap((field) => {
    const column = columns.find((one) => one.name === field);
    const secret = message.fields.find((one) => one.name === field && isSecret(one));
    if (secret !== undefined) note(secret, `is a secret and is in ${what}`);
    else if (column === undefined) note(message, `has ${what} on "${field}", which is no field with a column`);
    return column ?? [];
  });

/** Reads the columns of a key or an index, which begin with the parent unless the key is unique everywhere, and notes its faults. */
export const readList = (
  message: DescMessage,
  what: string,
  { name, fields, everywhere = false }: { readonly name: string; readonly fields: readonly string[]; readonly everywhere?: boolean },
  columns: readonly Column[],
  note: Note,
): ColumnList => {
  const found = columnsOf(message, what, fields, columns, note);
  for (const { field, name: column, type, isNullable, reference } of found) {
    // Of a key, rows without a value are left out. An index of a large kind serves filters, too, which no row without a value meets.
    const isOfFilters = reference?.isParent === true || kindOptionsOf(message).large;
    if (isNullable && what === INDEX && !isOfFilters)
      note(field, `is in ${what} and may have no value: make it required, or give it a default`);
    else if (!isComparable(type) || column === "etag") note(field, `is in ${what} and can't be compared`);
    else if (what !== INDEX && type !== "bigint" && type !== "text")
      note(field, `is in ${what}, by which Get finds a resource, and is neither an int64 nor a string`);
  }
  const isOfParent = hasParent(message) && !everywhere;
  const begins = found[0]?.reference?.isParent === true;
  if (isOfParent && found.length === fields.length && !begins) note(message, `has ${what} that does not begin with the parent`);
  if (fields.length < (isOfParent ? 2 : 1)) note(message, `has ${what} of ${isOfParent ? "less than two" : "no"} fields`);
  if (everywhere && (begins || !hasParent(message)))
    note(message, `has ${what} that is unique everywhere ${begins ? "and begins with the parent" : "by itself"}`);
  if (what === INDEX && !hasParent(message)) note(message, "has an index and no parent: its lists are in the order of the ids");
  return { name, columns: found };
};
