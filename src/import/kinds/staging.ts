import { type ImportModel, importedModels, importedParts, importSources, isImported } from "../../contract/kinds/imports.ts";
import { type Column, type ColumnList, type Kind, type Link, ORGANIZATION_ID, tokenOf } from "../../contract/kinds/kind.ts";
import { kinds } from "../../schema/entities.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import type { StoredStaging } from "../steps/target.ts";

/** A part of a kind: a model whose records hold some fields of the kind's resources, with the staging table of these records. */
export type ImportedPart = ImportModel & {
  /** The names of the field, in the record of a resource, with the key of the part's record. */
  readonly names: readonly string[];
  /** The staging column with that key. */
  readonly key: string;
  readonly columns: readonly Column[];
  readonly staging: StagingTable;
};

/** A repeated reference of a kind, and the staging table of its elements. */
export type ImportedLink = { readonly link: Link; readonly staging: StoredStaging };

/** A kind whose resources an import reads from files. */
export type ImportedKind = {
  readonly kind: Kind;
  readonly models: readonly ImportModel[];
  /** The columns that files fill. */
  readonly columns: readonly Column[];
  readonly staging: StoredStaging;
  readonly parts: readonly ImportedPart[];
  readonly links: readonly ImportedLink[];
};

/** A column that holds the id of another row, which the column's `reference` describes. */
export type Referring = Column & { readonly reference: NonNullable<Column["reference"]> };

/** Tells whether a column holds the id of another row. */
export const isReferring = (column: Column): column is Referring => column.reference !== undefined;

/**
 * Returns the names of a reference's staging columns: for the target's key, for a user's name, and for the key of a Sentry actor (user or
 * team).
 */
export const referenceColumns = ({ name }: Pick<Column, "name">) => ({ pk: `${name}_pk`, name: `${name}_name`, actor: `${name}_actor_pk` });

/** The types of staging columns that differ from those of the tables. */
const types: Readonly<Partial<Record<Column["type"], string>>> = { text: TEXT, timestamptz: "timestamptz(3)" };

const stagedColumns = (column: Column): [name: string, type: string][] => {
  if (!isReferring(column)) return [[column.name, types[column.type] ?? column.type]];
  const { pk, name, actor } = referenceColumns(column);
  return [
    [pk, "bigint"],
    ...(column.reference.to.name === "user" ? [[name, TEXT] as [string, string]] : []),
    ...(importSources(column.field, true).some(({ isOwner }) => isOwner) ? [[actor, "bigint"] as [string, string]] : []),
  ];
};

/** The columns of tokens, of which files have the SHA-256: one that is here never changes, and neither do its last characters. */
const tokenColumns = (kind: Kind): readonly Column[] => {
  const { field, name, token } = tokenOf(kind) ?? {};
  if (field === undefined || name === undefined) return [];
  const last = token?.lastCharacters;
  const plain = {
    enumBase: 0,
    isNullable: false,
    isNow: false,
    isAudited: false,
    defaultValue: null,
    isNotBlank: false,
    isUuid: false,
    slugFrom: "",
    maxLength: 0,
  };
  return [
    ...(last !== undefined && isImported(last) ? [{ ...last, isImmutable: true }] : []),
    { ...plain, field, name, type: "bytea", isRequired: true, isImmutable: true, isOutputOnly: true, isNotEmpty: false },
  ];
};

/** Returns the keys of a kind besides the first: the unique values that tell no resource from others, but that no two can have. */
export const furtherKeys = (kind: Kind): readonly ColumnList[] => [
  ...kind.keys.slice(1),
  ...tokenColumns(kind)
    .filter(({ type }) => type === "bytea")
    .map((column) => ({ name: column.name, columns: [column] })),
];

/** The columns with ids, which steps fill, of references and of the organization. */
const idColumns = (columns: readonly Column[]) =>
  Object.fromEntries([ORGANIZATION_ID, ...columns.filter(isReferring).map(({ name }) => name)].map((name) => [name, "bigint"]));

const linkOf = (kind: Kind, link: Link): ImportedLink => ({
  link,
  staging: {
    name: `import_${link.table}`,
    table: link.table,
    ofSeveralModels: true,
    isLeaf: true,
    columns: { [`${kind.name}_id_pk`]: "bigint", [`${link.column}_pk`]: "bigint" },
    derived: { [ORGANIZATION_ID]: "bigint", [`${kind.name}_id`]: "bigint", [link.column]: "bigint" },
  },
});

const importedKind = (kind: Kind): ImportedKind => {
  const ofToken = tokenColumns(kind);
  const others = kind.columns.filter((column) => isImported(column) && !ofToken.some(({ name }) => name === column.name));
  const columns = [...others, ...ofToken];
  const parts = importedParts(kind).map(({ model, names, left }): ImportedPart => {
    const ofPart = columns.filter(({ field, reference }) =>
      importSources(field, reference !== undefined).some(({ part }) => part === model),
    );
    const own = Object.fromEntries(ofPart.flatMap(stagedColumns));
    const name = model.replace(/^.*\./, "");
    return { model, names, left, key: `${name}_part_pk`, columns: ofPart, staging: { name: `import_${kind.name}_${name}`, columns: own } };
  });
  return {
    kind,
    models: importedModels(kind),
    columns,
    staging: {
      name: `import_${kind.name}`,
      table: kind.table,
      getsIds: true,
      columns: Object.fromEntries([...columns.flatMap(stagedColumns), ...parts.map(({ key }) => [key, "bigint"])]),
      derived: idColumns(columns),
    },
    parts,
    links: kind.links.filter(({ isOutputOnly }) => !isOutputOnly).map((link) => linkOf(kind, link)),
  };
};

/** Those of the kinds, each after what it refers to. */
const inOrder = (all: readonly ImportedKind[]): readonly ImportedKind[] => {
  const ordered = new Set<ImportedKind>();
  const visiting = new Set<ImportedKind>();
  const visit = (one: ImportedKind): void => {
    if (visiting.has(one)) return;
    visiting.add(one);
    const referred = [
      ...one.columns.filter(isReferring).map(({ reference }) => reference.to.name),
      ...one.links.map(({ link }) => link.to.name),
    ];
    for (const other of all) if (referred.includes(other.kind.name)) visit(other);
    ordered.add(one);
  };
  for (const one of all) visit(one);
  return [...ordered];
};

/** The kinds that imports read, each after the kinds that it refers to. */
export const importedKinds: readonly ImportedKind[] = inOrder(kinds.filter((kind) => importedModels(kind).length > 0).map(importedKind));
