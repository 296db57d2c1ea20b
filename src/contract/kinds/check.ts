import { type DescMessage, getOption } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/userd/v1/errors_pb.ts";
import { family, KindDeletion, type Kind as KindOptions, KindScope } from "../../gen/userd/v1/kind_pb.ts";
import { isAggregateKind } from "../../versions/aggregate.ts";
import { standardFields } from "./column.ts";
import { ownReason } from "./errors.ts";
import type { Note } from "./faults.ts";
import {
  type Column,
  type ColumnList,
  type Kind,
  ORGANIZATION,
  ORGANIZATION_ID,
  ORGANIZATION_IDS,
  OWNER_PROFILE_ID,
  PROFILE,
  PROJECT,
  type Referent,
} from "./kind.ts";
import { standardMethods } from "./methods.ts";
import { kindOptionsOf } from "./options.ts";

/** Notes, as faults, the standard fields (id, etag and times, which userd fills) that a kind lacks, or that it has but must not have. */
export const checkStandard = (message: DescMessage, isSoft: boolean, note: Note): void => {
  const { large: isLarge } = kindOptionsOf(message);
  for (const name of standardFields.keys()) {
    const isThere = message.fields.some((field) => field.name === name);
    const isOfSoft = name === "delete_time" || name === "purge_time";
    if (isLarge && name === "etag") {
      if (isThere) note(message, "has the field etag, and its resources never change");
      continue;
    }
    if (!isThere && (isSoft || !isOfSoft)) note(message, `has no field ${name}${isOfSoft ? ", and is deleted softly" : ""}`);
    if (isThere && isOfSoft && !isSoft) note(message, `has the field ${name} and is deleted at once`);
  }
};

/**
 * Notes, as faults, missing options of a kind or its file, a message name not written like ApiKey, and key names that are empty, `id` or
 * repeated.
 */
export const checkOptions = (message: DescMessage, options: KindOptions, note: Note): void => {
  if (!/^(?:[A-Z][a-z0-9]+)+$/.test(message.name))
    note(message, "has a name that is not made of capitalized words, like ApiKey for an API key");
  if (options.scope === KindScope.UNSPECIFIED) note(message, "does not say its scope");
  if (options.deletion === KindDeletion.UNSPECIFIED && !options.large) note(message, "does not say what deleting does");
  if (options.readPermission === "") note(message, "has no read_permission");
  if (options.writePermission === "") note(message, "has no write_permission");
  if (getOption(message.file, family).service === "") note(message, "is in a file that has no (userd.v1.family).service");
  const names = options.keys.map(({ name }) => name);
  if (names.includes("") || names.includes("id") || new Set(names).size < names.length)
    note(message, "has keys without a name of their own");
};

/** Notes, as faults, a kind's own reasons that errors.proto lacks, and aggregates that are neither the kind itself nor its organization. */
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

/** The most characters of a name in PostgreSQL, which cuts longer ones. */
const MAX_NAME = 63;

/** Notes, as faults, fields, keys and indexes whose constraints would have a name of more than 63 characters. */
export const checkLengths = (
  message: DescMessage,
  {
    name,
    columns,
    lists,
  }: { readonly name: string; readonly columns: readonly Pick<Column, "name" | "field">[]; readonly lists: readonly ColumnList[] },
  note: Note,
): void => {
  const isLong = (one: string) => `${name}_${one}_foreign`.length > MAX_NAME;
  for (const column of columns)
    if (isLong(column.name)) note(column.field, `has a name that is too long: ${MAX_NAME} characters with the kind's`);
  for (const list of lists) if (isLong(list.name)) note(message, `has a key or an index with too long a name: "${list.name}"`);
};

/** Notes, as faults, kinds of one service whose RPCs would have the same name, for example because two kinds have the same plural. */
export const checkRpcs = (kinds: readonly Kind[], note: Note): void => {
  const taken = new Set<string>();
  for (const kind of kinds) {
    for (const [, name] of standardMethods(kind)) {
      const rpc = `${kind.file.proto.package}.${kind.service}/${name}`;
      if (taken.has(rpc)) note(kind.message, `has an RPC whose name is taken: ${name}`);
      taken.add(rpc);
    }
  }
};

/** Notes a choice (fields of which at most one has a value) with less than two fields, and fields of a choice that always have a value. */
export const checkChoices = (message: DescMessage, choices: readonly ColumnList[], note: Note): void => {
  for (const { columns } of choices) {
    if (columns.length < 2) note(message, "has a choice of less than two fields");
    for (const { field, isNullable } of columns) if (!isNullable) note(field, "is in a choice and always has a value");
  }
};

type Scoped = Pick<Kind, "name" | "message" | "columns" | "links"> & { readonly scope: KindScope };

/** Organizations share a resource by links, which say all that it refers to: what it belonged to one of, the others could not see. */
const checkShared = ({ message, columns, links }: Scoped, parent: Referent | undefined, note: Note): void => {
  if (parent !== undefined) note(message, "is shared by organizations and has a parent");
  const sharing = links.find(({ name, to }) => name === ORGANIZATION_IDS && to.name === ORGANIZATION);
  if (sharing === undefined) note(message, `is shared by organizations and has no field ${ORGANIZATION_IDS} that refers to them`);
  else if (!sharing.isRequired) note(sharing.field, "says which organizations share a resource and is not required");
  const others = [...columns.filter(({ reference }) => reference !== undefined), ...links.filter((link) => link !== sharing)];
  for (const { field } of others) note(field, "refers to something, and organizations share the resource");
};

/** What a profile owns can go to another one, and then has to leave what it refers to. So only references to such things, which can be cleared. */
const checkOwned = ({ columns, links }: Scoped, note: Note): void => {
  const parent = columns.find(({ reference }) => reference?.isParent);
  if (parent && parent.name !== OWNER_PROFILE_ID)
    note(parent.field, `names the profile that owns a resource and is not called ${OWNER_PROFILE_ID}`);
  for (const { field, reference } of columns) {
    if (reference === undefined || reference.isParent) continue;
    if (reference.to.belongsTo?.to !== PROFILE || reference.to.name === PROFILE)
      note(field, "refers to what no profile owns, and a profile owns the resource: make the reference weak");
    else if (reference.deletion !== "set null") note(field, "is not cleared with what it refers to, which another profile may get");
  }
  for (const { field } of links) note(field, "refers to several things, and a profile owns the resource");
};

/** Notes, as faults, references to profiles and what they own in a kind that no profile owns. */
const checkNotOwned = ({ columns, links }: Scoped, note: Note): void => {
  for (const { field, to } of [
    ...columns.flatMap(({ field: of, reference }) => (reference ? [{ field: of, to: reference.to }] : [])),
    ...links,
  ])
    if (to.belongsTo?.to === PROFILE) note(field, "refers to a profile or what it owns, and no profile owns the resource");
};

/** Notes a kind whose option `scope` does not fit its parent, or whose fields do not say which organizations a resource belongs to. */
export const checkScope = (kind: Scoped, parent: Referent | undefined, isKind: (name: string) => boolean, note: Note): void => {
  const { name, message, scope, columns } = kind;
  if (scope === KindScope.GLOBAL) {
    if (parent !== undefined || name !== ORGANIZATION) note(message, "is of nobody, which only organizations are");
    return;
  }
  if (scope === KindScope.ORGANIZATIONS) {
    checkShared(kind, parent, note);
    return;
  }
  if (scope === KindScope.PROFILE && parent?.name === PROFILE) {
    checkOwned(kind, note);
    return;
  }
  checkNotOwned(kind, note);
  if (parent?.sharedBy !== undefined) note(message, `is part of a ${parent.name}, which organizations share`);
  const scopes: Readonly<Record<string, KindScope>> = {
    [ORGANIZATION]: KindScope.ORGANIZATION,
    [PROJECT]: KindScope.PROJECT,
    [PROFILE]: KindScope.PROFILE,
  };
  const fitting = parent && (isKind(parent.name) ? KindScope.PARENT : scopes[parent.name]);
  if (scope !== KindScope.UNSPECIFIED && scope !== fitting) note(message, `has a scope that does not fit its parent ${parent?.name}`);
  const organization = columns.find((column) => column.name === ORGANIZATION_ID);
  if (organization?.reference?.to.name !== ORGANIZATION) note(message, `has no field ${ORGANIZATION_ID} that refers to the organization`);
  else if (parent?.name !== ORGANIZATION && !organization.isOutputOnly)
    note(organization.field, "follows from the parent and is not OUTPUT_ONLY");
};
