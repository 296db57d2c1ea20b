import { type ImportLink, type ImportModel, importLinks, linkSources } from "../../contract/kinds/imports.ts";
import { FieldFault, Unfit } from "../fault.ts";
import { key, type Note } from "../fields.ts";
import type { LinkRow, Reader } from "../reader.ts";
import type { StagedRow } from "../staging.ts";
import { type ImportedKind, type ImportedLink, type ImportedPart, importedKinds } from "./staging.ts";
import { createReadColumns, fieldsRead } from "./values.ts";

/** A name with its article. */
const aOr = (label: string): string => `${/^[aeiou]/.test(label) ? "an" : "a"} ${label}`;

const plain = { isKnownByName: false } as const;

/** The value of the first of several fields that has one; undefined if none has. */
const firstOf = (record: object, names: readonly string[]): unknown =>
  names.map((name) => (record as Record<string, unknown>)[name]).find((value) => value !== undefined && value !== null);

/** Reads the key in the first of several fields that has one. */
const keyIn = (record: object, names: readonly string[]): bigint => {
  const value = firstOf(record, names);
  if (value === undefined) throw new Unfit(`it names no ${names[0]}`);
  return key(value);
};

const readElement =
  (kind: string, { link }: ImportedLink, { resource, linked }: ImportLink) =>
  (record: object): StagedRow => ({ [`${kind}_id_pk`]: keyIn(record, resource), [`${link.column}_pk`]: keyIn(record, linked) });

/** The rows of a repeated reference that stands in the record of a resource as a list of keys. */
const elementsOf = (
  { link, staging }: ImportedLink,
  model: string,
  own: string,
  pk: bigint | undefined,
  record: object,
): readonly LinkRow[] =>
  linkSources(link).flatMap((name) => {
    const listed = (record as Record<string, unknown>)[name] ?? [];
    if (!Array.isArray(listed)) throw new FieldFault(`${name} must be a list`);
    return listed.map((member: unknown): LinkRow => {
      const columns = (): StagedRow => ({ [own]: pk, [`${link.column}_pk`]: key(member) });
      return { model: `${model}.${name}`, into: staging, columns };
    });
  });

/** The elements of a repeated reference of another kind that the record of a resource holds, such as who shares an integration. */
const elementsIn = (model: string) =>
  importedKinds.flatMap(({ kind, links }) =>
    links.flatMap((linked) =>
      importLinks(linked.link)
        .filter((one) => one.model === model)
        .map((one) => ({ ...linked, read: readElement(kind.name, linked, one), model: `${model}.${linked.link.to.name}s` })),
    ),
  );

/** The columns of the organization, which the records of what is part of something repeat. */
const repeated = ["organization", "organization_id"];

const kindReader = ({ kind, columns, staging, parts, links }: ImportedKind, { model, left }: ImportModel): Reader => {
  const read = createReadColumns(kind.message, columns);
  const elements = elementsIn(model);
  return {
    ...plain,
    model,
    notHeld: left,
    becomes: aOr(kind.label),
    into: staging,
    tables: [staging, ...links.map((link) => link.staging), ...elements.map((element) => element.staging)],
    fields: new Set([
      ...fieldsRead(columns),
      ...(kind.ancestors.length > 1 ? repeated : []),
      ...parts.flatMap(({ names }) => names),
      ...links.flatMap(({ link }) => linkSources(link)),
    ]),
    rows: (pk, record, _, note: Note) => {
      const row: Record<string, unknown> = { ...read(record, note) };
      for (const { names, key: column } of parts) {
        const value = firstOf(record, names);
        if (value !== undefined) row[column] = key(value);
      }
      const inRecord = elements.map(
        ({ model: of, staging: into, read: element }): LinkRow => ({ model: of, into, columns: () => element(record) }),
      );
      return { columns: row, links: [...links.flatMap((link) => elementsOf(link, model, `${kind.name}_id_pk`, pk, record)), ...inRecord] };
    },
  };
};

const partReader = ({ kind }: ImportedKind, { model, left, columns, staging }: ImportedPart): Reader => {
  const read = createReadColumns(kind.message, columns, model);
  return {
    ...plain,
    model,
    notHeld: left,
    becomes: `fields of ${aOr(kind.label)} that names it; not held by itself`,
    into: staging,
    tables: [staging],
    fields: new Set(fieldsRead(columns, model)),
    rows: (_, record, __, note) => ({ columns: read(record, note), links: [] }),
  };
};

const linkReaders = ({ kind }: ImportedKind, linked: ImportedLink): readonly Reader[] =>
  importLinks(linked.link)
    .filter(({ model }) => !importedKinds.some(({ models }) => models.some((of) => of.model === model)))
    .map((one) => {
      const read = readElement(kind.name, linked, one);
      return {
        ...plain,
        model: one.model,
        notHeld: one.left,
        becomes: `${aOr(linked.link.to.name.replaceAll("_", " "))} of ${aOr(kind.label)}, which has to be in the file`,
        into: linked.staging,
        tables: [linked.staging],
        fields: new Set([...one.resource, ...one.linked]),
        rows: (_, record) => ({ columns: read(record), links: [] }),
      };
    });

/** The readers of the models that kinds declare: for resources, for parts of resources, and for repeated references. */
export const kindReaders: readonly Reader[] = importedKinds.flatMap((one) => [
  ...one.models.map((model) => kindReader(one, model)),
  ...one.parts.map((part) => partReader(one, part)),
  ...one.links.flatMap((link) => linkReaders(one, link)),
]);
