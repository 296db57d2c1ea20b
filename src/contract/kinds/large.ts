import type { DescMessage } from "@bufbuild/protobuf";
import { KindDeletion, type Kind as KindOptions, KindScope } from "../../gen/userd/v1/kind_pb.ts";
import type { Note } from "./faults.ts";
import { type Column, type Kind, type Link, ORGANIZATION_ID } from "./kind.ts";
import { optionsOf } from "./options.ts";
import { isSecret } from "./secrets.ts";

/** Reads how long the resources of a kind are kept, and notes, as faults, a time that some lack and a kind whose resources can be deleted. */
export const readRetention = (message: DescMessage, options: KindOptions, columns: readonly Column[], note: Note): Kind["retention"] => {
  const { retention, large } = options;
  if (retention === undefined) return undefined;
  if (!large) note(message, "has a retention and is not large");
  if (retention.days < 1) note(message, "has a retention of less than a day");
  const column = columns.find(({ name }) => name === retention.field);
  if (column?.type === "timestamptz" && !column.isNullable) return { column, days: retention.days };
  note(message, `has a retention from "${retention.field}", which is no time that always has a value`);
  return undefined;
};

type Parts = { readonly columns: readonly Column[]; readonly links: readonly Link[] };

/** Notes, as faults, options and fields of a large kind that would need a look at other rows, a change of a resource, or a scan. */
export const checkLarge = (message: DescMessage, options: KindOptions, { columns, links }: Parts, note: Note): void => {
  if (!options.large) return;
  const refused = [
    ["says what deleting does", options.deletion !== KindDeletion.UNSPECIFIED],
    ["has reasons of its own", options.ownReasons],
    ["has aggregates", options.aggregates.length > 0],
    ["has choices", options.choices.length > 0],
    ["is imported", options.import.length > 0],
    ["is shared by organizations", options.scope === KindScope.ORGANIZATIONS],
  ] as const;
  for (const [what, isSo] of refused) if (isSo) note(message, `is large and ${what}, which only small kinds can`);
  for (const field of message.fields.filter(isSecret)) note(field, "is a secret, and its kind is large");
  for (const { field } of links) note(field, "is repeated, and its kind is large");
  for (const { field, name, reference, slugFrom } of columns) {
    if (reference !== undefined && !reference.isParent && name !== ORGANIZATION_ID)
      note(field, "refers to something, and its kind is large: make it weak");
    if (slugFrom !== "") note(field, "is a slug, and its kind is large");
    if (optionsOf(field).filter) note(field, "is declared for filters, and its kind is large: declare an index");
  }
};

/** Notes, as faults, references to large kinds: a check for each, and a row to change for each that is removed, would cost too much. */
export const checkReferencesToLarge = (kinds: readonly Kind[], note: Note): void => {
  const large = new Set(kinds.filter(({ isLarge }) => isLarge).map(({ name }) => name));
  for (const { columns, links } of kinds) {
    const referring = [
      ...columns.map(({ field, reference }) => ({ field, to: reference?.to.name ?? "" })),
      ...links.map(({ field, to }) => ({ field, to: to.name })),
    ];
    for (const { field, to } of referring) if (large.has(to)) note(field, `refers to ${to}, which is large: make it weak`);
  }
};
