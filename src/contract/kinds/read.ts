import { type DescFile, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { family, KindDeletion, type Kind as KindOptions, KindScope, kind as kindOption } from "../../gen/userd/v1/kind_pb.ts";
import { readColumn, readLink, standardFields } from "./column.ts";
import { createNotes, KindFaults, type Note } from "./faults.ts";
import { type Ancestor, type Column, type ColumnList, type Kind, ORGANIZATION_ID, type Referent } from "./kind.ts";

/** The models that are no kinds and that kinds can refer to. */
export const models: readonly Referent[] = [
  { name: "organization", table: "organization", organization: "id", isSoft: true },
  { name: "project", table: "project", organization: ORGANIZATION_ID, isSoft: true },
  { name: "team", table: "team", organization: ORGANIZATION_ID, isSoft: true },
  { name: "user", table: "users", organization: undefined, isSoft: true },
];

const snakeCase = (name: string): string => name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, "_$&").toLowerCase();

/** A kind whose place among the others is not known yet. */
type Draft = Omit<Kind, "parent" | "ancestors"> & { readonly parents: readonly Column[]; readonly scope: KindScope };

/** An index in the sentences of faults. */
const INDEX = "an index";

/** The fields of a key or index, which begin with the parent. */
const readList = (
  message: DescMessage,
  what: string,
  name: string,
  fields: readonly string[],
  columns: readonly Column[],
  note: Note,
): ColumnList => {
  const found = fields.flatMap((field) => {
    const column = columns.find((one) => one.name === field);
    if (column === undefined) note(message, `has ${what} on "${field}", which is no field with a column`);
    else if (column.isNullable) note(column.field, `is in ${what} and may have no value`);
    else if (column.type === "jsonb" || field === "etag") note(column.field, `is in ${what} and can't be compared`);
    else if (what !== INDEX && column.type !== "bigint" && column.type !== "text")
      note(column.field, `is in ${what}, by which Get finds a resource, and is neither an int64 nor a string`);
    return column === undefined ? [] : [column];
  });
  if (found.length === fields.length && found[0]?.reference?.isParent !== true)
    note(message, `has ${what} that does not begin with the parent`);
  if (fields.length < 2) note(message, `has ${what} of less than two fields`);
  return { name, columns: found };
};

/** The engine's fields that a kind has to have, or must not have. */
const checkStandard = (message: DescMessage, isSoft: boolean, note: Note): void => {
  for (const name of Object.keys(standardFields)) {
    const isThere = message.fields.some((field) => field.name === name);
    const isOfSoft = name === "delete_time" || name === "purge_time";
    if (!isThere && (isSoft || !isOfSoft)) note(message, `has no field ${name}${isOfSoft ? ", and is deleted softly" : ""}`);
    if (isThere && isOfSoft && !isSoft) note(message, `has the field ${name} and is deleted at once`);
  }
};

const checkOptions = (message: DescMessage, options: KindOptions, note: Note): void => {
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

const referentOf = (message: DescMessage): Referent => {
  const name = snakeCase(message.name);
  return { name, table: name, organization: ORGANIZATION_ID, isSoft: getOption(message, kindOption).deletion === KindDeletion.SOFT };
};

const readDraft = (message: DescMessage, referents: ReadonlyMap<string, Referent>, note: Note): Draft => {
  const options = getOption(message, kindOption);
  const referent = referentOf(message);
  const isList = ({ fieldKind }: DescMessage["fields"][number]) => fieldKind === "list";
  checkOptions(message, options, note);
  checkStandard(message, referent.isSoft, note);
  const columns = message.fields.filter((field) => !isList(field)).flatMap((field) => readColumn(field, referents, note) ?? []);
  const links = message.fields.filter(isList).flatMap((field) => readLink(field, referent.table, referents, note) ?? []);
  const indexes = options.indexes.map(({ fields }) => readList(message, INDEX, fields.join("_"), fields, columns, note));
  return {
    ...referent,
    message,
    file: message.file,
    service: getOption(message.file, family).service,
    plural: options.plural || `${referent.name}s`,
    label: referent.name.replaceAll("_", " "),
    columns,
    links,
    parents: columns.filter(({ reference }) => reference?.isParent),
    scope: options.scope,
    keys: options.keys.map(({ name, fields }) => readList(message, `the key "${name}"`, name, fields, columns, note)),
    indexes,
    readPermission: options.readPermission,
    writePermission: options.writePermission,
  };
};

/** The things that a kind is part of, from its parent up; undefined when they do not end in an organization. */
const ancestorsOf = (draft: Draft, drafts: ReadonlyMap<string, Draft>, note: Note): readonly Ancestor[] | undefined => {
  const ancestors: Ancestor[] = [];
  for (let at: Draft | undefined = draft; at !== undefined; ) {
    const [parent, other]: readonly Column[] = at.parents;
    const to: Referent | undefined = parent?.reference?.to;
    if (at === draft && other !== undefined) note(other.field, "is a second parent");
    if (parent === undefined || to === undefined) {
      if (at === draft) note(draft.message, "has no parent");
      return undefined;
    }
    if (ancestors.some((one) => one.to.name === to.name) || to.name === draft.name) {
      note(parent.field, "is in a cycle of parents");
      return undefined;
    }
    ancestors.push({ to, column: parent.name });
    at = drafts.get(to.name);
  }
  return ancestors;
};

/** The scope of a kind is that of its parent, and the column of its organization says which it is. */
const checkScope = ({ message, scope, columns }: Draft, [parent]: readonly Ancestor[], drafts: ReadonlyMap<string, Draft>, note: Note) => {
  const isOfKind = parent !== undefined && drafts.has(parent.to.name);
  const fits = scope === KindScope.PARENT ? isOfKind : parent?.to.name === "organization";
  if (scope !== KindScope.UNSPECIFIED && !fits) note(message, `has a scope that does not fit its parent ${parent?.to.name}`);
  const organization = columns.find(({ name }) => name === ORGANIZATION_ID);
  if (organization?.reference?.to.name !== "organization") note(message, `has no field ${ORGANIZATION_ID} that refers to the organization`);
  else if (isOfKind && !organization.isOutputOnly) note(organization.field, "follows from the parent and is not OUTPUT_ONLY");
};

const checkNames = (drafts: readonly Draft[], taken: Iterable<string>, note: Note): void => {
  const names = new Set(taken);
  for (const { message, table, links } of drafts) {
    for (const name of [table, ...links.map((link) => link.table)]) {
      if (names.has(name)) note(message, `has a name that is taken: "${name}"`);
      names.add(name);
    }
  }
};

/**
 * Reads the kinds of files; parents come before what is part of them.
 * @param taken the tables that there are besides.
 * @throws KindFaults with all that is wrong.
 */
export const readKinds = (files: readonly DescFile[], taken: Iterable<string>): readonly Kind[] => {
  const { note, faults } = createNotes();
  const messages = files.flatMap((file) => file.messages.filter((message) => hasOption(message, kindOption)));
  const referents = new Map([...messages.map(referentOf), ...models].map((referent) => [referent.name, referent]));
  const all = messages.map((message) => readDraft(message, referents, note));
  const drafts = new Map(all.map((draft) => [draft.name, draft]));
  checkNames(all, taken, note);
  const kinds = all.flatMap(({ parents, scope, ...draft }): Kind[] => {
    const whole = { ...draft, parents, scope };
    const ancestors = ancestorsOf(whole, drafts, note);
    if (ancestors === undefined) return [];
    checkScope(whole, ancestors, drafts, note);
    const [parent] = parents;
    return parent === undefined ? [] : [{ ...draft, parent, ancestors }];
  });
  if (faults.length > 0) throw new KindFaults(faults);
  return kinds.toSorted((a, b) => a.ancestors.length - b.ancestors.length);
};
