import { type DescMessage, getOption } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/userd/v1/errors_pb.ts";
import { family, KindDeletion, type Kind as KindOptions, KindScope } from "../../gen/userd/v1/kind_pb.ts";
import { isAggregateKind } from "../../versions/aggregate.ts";
import { standardFields } from "./column.ts";
import { ownReason } from "./errors.ts";
import type { Note } from "./faults.ts";
import { type Column, type ColumnList, ORGANIZATION, type Referent } from "./kind.ts";

/** Notes, as faults, the standard fields (id, etag and times, which userd fills) that a kind lacks, or has and must not have. */
export const checkStandard = (message: DescMessage, isSoft: boolean, note: Note): void => {
  for (const name of Object.keys(standardFields)) {
    const isThere = message.fields.some((field) => field.name === name);
    const isOfSoft = name === "delete_time" || name === "purge_time";
    if (!isThere && (isSoft || !isOfSoft)) note(message, `has no field ${name}${isOfSoft ? ", and is deleted softly" : ""}`);
    if (isThere && isOfSoft && !isSoft) note(message, `has the field ${name} and is deleted at once`);
  }
};

/** Notes, as faults, what a kind has to declare and does not, a name of the wrong form, and keys without a name of their own. */
export const checkOptions = (message: DescMessage, options: KindOptions, note: Note): void => {
  if (!/^(?:[A-Z][a-z0-9]+)+$/.test(message.name))
    note(message, "has a name that is not made of capitalized words, like ApiKey for an API key");
  if (options.scope === KindScope.UNSPECIFIED) note(message, "does not say its scope");
  if (options.deletion === KindDeletion.UNSPECIFIED) note(message, "does not say what deleting does");
  if (options.readPermission === "") note(message, "has no read_permission");
  if (options.writePermission === "") note(message, "has no write_permission");
  if (getOption(message.file, family).service === "") note(message, "is in a file that has no (userd.v1.family).service");
  const names = options.keys.map(({ name }) => name);
  if (names.includes("") || names.includes("id") || new Set(names).size < names.length)
    note(message, "has keys without a name of their own");
};

/** Notes, as faults, the kind's own reasons that errors.proto lacks, and aggregates other than the kind itself and its organization. */
export const checkNames = (message: DescMessage, { name }: Referent, { ownReasons, keys, aggregates }: KindOptions, note: Note): void => {
  const reasons = [ownReason(name, "NOT_FOUND"), ownReason(name, "DELETED"), ...keys.map((key) => ownReason(key.name, "TAKEN"))];
  for (const reason of ownReasons ? reasons : [])
    if (!(reason in ErrorReason)) note(message, `has reasons of its own, and there is no ${reason}`);
  for (const one of aggregates)
    if (!isAggregateKind(one) || (one !== name && one !== ORGANIZATION)) note(message, `has the aggregate "${one}", which it can't move`);
};

/** Notes a slug (a name that Create makes from a text) whose source is no text or may be blank, or that is not the last column of a key. */
export const checkSlugs = (columns: readonly Column[], keys: readonly ColumnList[], note: Note): void => {
  for (const column of columns.filter(({ slugFrom }) => slugFrom !== "")) {
    const from = columns.find(({ name }) => name === column.slugFrom);
    if (from?.type !== "text" || !from.isNotBlank)
      note(column.field, `is made from "${column.slugFrom}", which is no text that is not blank`);
    if (!keys.some((key) => key.columns.at(-1) === column)) note(column.field, "is a slug, and no key ends in it");
  }
};
