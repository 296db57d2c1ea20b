import { type DescField, getOption } from "@bufbuild/protobuf";
import { import_as, type KindImportLeft, type KindImportPart, KindScope } from "../../gen/userd/v1/kind_pb.ts";
import type { Note } from "./faults.ts";
import type { Column, Kind, Link } from "./kind.ts";
import { kindOptionsOf, optionsOf } from "./options.ts";

/** A place in export files where the value of a field of a kind stands. */
export type ImportSource = {
  /** The names that the field has in records; a reference has two, of which one ends in "_id". */
  readonly names: readonly string[];
  /** The model of the records with the field, if it is another one than that of the resource; else "". */
  readonly part: string;
  /** The numbers that tell that a record is being deleted. */
  readonly deleting: ReadonlySet<bigint>;
  /** The value names an owner, which is a user or a team. */
  readonly isOwner: boolean;
  /** The value is a list of words, which the field has as one text. */
  readonly isOfWords: boolean;
};

/** A model of export files whose records each link a resource to something else, with the names of the fields that hold the two keys. */
export type ImportLink = {
  readonly model: string;
  readonly resource: readonly string[];
  readonly linked: readonly string[];
  readonly left: LeftFields;
};

/** The fields of a model that an import does not store, as a map from the name of the field to an explanation. */
export type LeftFields = Readonly<Record<string, string>>;

const leftFields = (left: readonly KindImportLeft[]): LeftFields =>
  Object.fromEntries(left.flatMap(({ names, reason }) => names.map((name) => [name, reason] as const)));

/** The fields of records with a key that can end in "_id". */
const withId = (name: string): readonly string[] => [name, `${name}_id`];

/** A model of export files whose records become resources of a kind, or hold some of the fields of such resources. */
export type ImportModel = { readonly model: string; readonly left: LeftFields };

/** Returns the models of export files whose records become resources of a kind; none for a kind that is not imported. */
export const importedModels = ({ message }: Pick<Kind, "message">): readonly ImportModel[] =>
  kindOptionsOf(message).import.map(({ model, left }) => ({ model, left: leftFields(left) }));

/** Returns the parts of a kind, each with the two names that a record's reference to the part can have, such as `file` and `file_id`. */
export const importedParts = ({ message }: Pick<Kind, "message">): readonly (ImportModel & { readonly names: readonly string[] })[] =>
  kindOptionsOf(message)
    .import.flatMap(({ parts }): readonly KindImportPart[] => parts)
    .map(({ model, field, left }) => ({ model, names: withId(field), left: leftFields(left) }));

/** Returns the places where export files have the value of a field, as its option `import` declares; by default the record field `byDefault`. */
export const importSources = (field: DescField, isReference: boolean, byDefault = field.name): readonly ImportSource[] => {
  const declared = optionsOf(field).import;
  const sources = declared.length > 0 ? declared : [{ name: byDefault, part: "", deleting: [], owner: false, words: false }];
  return sources.map(({ name, part, deleting, owner, words }) => ({
    names: isReference ? withId(name.replace(/_id$/, "")) : [name],
    part,
    deleting: new Set(deleting),
    isOwner: owner,
    isOfWords: words,
  }));
};

/** Returns the names of the record fields that list the keys of a repeated reference; by default `teams` for the field `team_ids`. */
export const linkSources = ({ field, column }: Link): readonly string[] =>
  importSources(field, false, `${column.replace(/_id$/, "")}s`).flatMap(({ names }) => names);

/** Returns the models whose records each hold one element of a repeated reference. */
export const importLinks = ({ field }: Link): readonly ImportLink[] =>
  optionsOf(field).importLinks.map(({ model, resource, linked, left }) => ({
    model,
    resource: withId(resource),
    linked: withId(linked),
    left: leftFields(left),
  }));

/** Makes the map from the texts that export files have for the values of an enum to the numbers of these values. */
export const importedValues = (field: DescField): ReadonlyMap<string, number> =>
  new Map(field.enum?.values.flatMap((value) => getOption(value, import_as).map((name) => [name, value.number] as const)));

/** Tells whether an import fills a column: `create_time`, a column that callers can write, or one whose field has the option `import`. */
export const isImported = ({ name, field, isOutputOnly }: Column): boolean =>
  !isOutputOnly || name === "create_time" || optionsOf(field).import.length > 0;

/** The columns that staging tables have besides those of the kind. */
const ofStaging = ["model", "record", "pk", "absent", "outcome"];

/** Notes, as faults, what keeps an import from filling a kind as its message declares. */
export const checkImports = ({ message, columns, keys }: Pick<Kind, "message" | "columns" | "keys">, note: Note): void => {
  const parts = importedParts({ message }).map(({ model }) => model);
  if (importedModels({ message }).length === 0) return;
  if (kindOptionsOf(message).scope === KindScope.ORGANIZATIONS && keys.length === 0)
    note(message, "is imported and has neither a key nor a parent");
  if (kindOptionsOf(message).scope === KindScope.PROFILE) note(message, "is imported, and a profile owns it");
  for (const { name, field, type, reference } of columns) {
    const { import: declared } = optionsOf(field);
    if (field.fieldKind === "list") note(field, "is a list of values, and imported");
    if (ofStaging.includes(name)) note(field, "has a name that imports use for something else");
    if (type === "smallint" && importedValues(field).size === 0) note(field, "is imported, and no value of its enum has import_as");
    for (const { part, owner, words } of declared) {
      if (words && type !== "text") note(field, "is imported as words, and is no string");
      if (part !== "" && !parts.includes(part)) note(field, `is imported from "${part}", which is no part of the kind`);
      if (owner && reference?.to.name !== "user" && reference?.to.name !== "team")
        note(field, "is imported as an owner, and refers to neither a user nor a team");
    }
  }
};

/** Notes, as faults, models of export files that more than one kind, part or repeated reference is imported from. */
export const checkModels = (kinds: readonly Pick<Kind, "message" | "links">[], note: Note): void => {
  const imported = kinds.filter(({ message }) => importedModels({ message }).length > 0);
  const ofKinds = new Set(imported.flatMap(({ message }) => importedModels({ message }).map(({ model }) => model)));
  const readers = new Map<string, string>();
  for (const { message, links } of imported) {
    // What is a resource of its own can be an element as well.
    const elements = links
      .filter(({ isOutputOnly }) => !isOutputOnly)
      .flatMap((link) => importLinks(link).filter(({ model }) => !ofKinds.has(model)));
    for (const { model } of [...importedModels({ message }), ...importedParts({ message }), ...elements]) {
      const other = readers.get(model);
      if (other !== undefined) note(message, `is imported from "${model}", as ${other} is`);
      readers.set(model, message.name);
    }
  }
};
