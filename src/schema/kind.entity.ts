import { defineEntity, type EntityName, type EntitySchema, p } from "@mikro-orm/core";
import {
  type Column,
  type ColumnList,
  hasForeignKey,
  isMounted,
  type Kind,
  type Link,
  MOUNTED_SCHEMA,
  ORGANIZATION_ID,
  type Reference,
  type Secret,
  tokenOf,
  unqualified,
} from "../contract/kinds/kind.ts";
import { UserProfile } from "./account.entity.ts";
import { id, text, time, timeOfInsert } from "./columns.ts";
import { Organization, Project, Team } from "./organization.entity.ts";
import { User } from "./user.entity.ts";

/** The entity of what only a descriptor knows. */
const entityOf = (parts: object): EntitySchema => defineEntity(parts as never) as unknown as EntitySchema;

/** The ORM's handwritten entities that kinds can refer to, keyed by the name used in the proto option `reference.kind`. */
export const modelEntities: Readonly<Record<string, EntityName>> = {
  organization: Organization,
  project: Project,
  team: Team,
  user: User,
  profile: UserProfile,
};

const relation = (to: EntityName, column: string, deletion: Reference["deletion"]) => () =>
  p
    .manyToOne(to as typeof Organization)
    .mapToPk()
    .joinColumn(column)
    .deleteRule(deletion);

/** The columns of the types, but for their defaults. */
const builders = {
  bigint: () => p.bigint(),
  int: () => p.integer(),
  "double precision": () => p.double(),
  smallint: () => p.smallint(),
  boolean: () => p.boolean(),
  text,
  timestamptz: time,
  jsonb: () => p.json<unknown>(),
  bytea: () => p.blob(),
} as const;

/** The column is called as the field is: the ORM would make another name of `line_2` or `ipv4_port`. */
const columnOf = ({ name, type, maxLength, isNullable, isNow, defaultValue }: Column): unknown => {
  if (name === "create_time" || isNow) return timeOfInsert().fieldName(name);
  const builder = builders[type](maxLength).fieldName(name);
  if (isNullable) return builder.nullable();
  return defaultValue === null
    ? builder
    : builder.defaultRaw(typeof defaultValue === "string" ? `'${defaultValue}'` : String(defaultValue));
};

const secretOf = ({ name, isRequired }: Secret): unknown => {
  const builder = builders.bytea().fieldName(name);
  return isRequired ? builder : builder.nullable();
};

const propertyOf = (kind: Kind, column: Column, entities: (name: string) => EntityName): unknown => {
  const { name, reference } = column;
  if (name === "id") return id();
  // The etag: counts the writes of a row.
  if (name === "etag") return p.integer().version().default(1);
  if (reference === undefined) return columnOf(column);
  if (!hasForeignKey(kind, column)) return columnOf({ ...column, defaultValue: null });
  const make = relation(entities(reference.to.name), name, reference.deletion);
  return column.isNullable ? () => make().nullable() : make;
};

/** Returns the name of the constraint by which at most one field of a choice has a value. */
export const choiceConstraint = (table: string, { name }: ColumnList): string => `${table}_${name}`;

/** Quotes the names of columns that operators choose: they can be words of SQL. Ours are none, and stand bare in migrations. */
const quoteIn = (table: string): ((column: string) => string) => (isMounted({ table }) ? (column) => `"${column}"` : (column) => column);

/** Rules of one row. Requests can break none but choices: the others hold what imports and people write. */
const checksOf = ({ name: table, table: of, columns, choices, isSoft }: Kind) => {
  const q = quoteIn(of);
  const filled = columns.filter(({ isNotEmpty }) => isNotEmpty).map(({ name }) => `${q(name)} <> ''`);
  const enums = columns.filter(({ type }) => type === "smallint");
  return [
    ...(filled.length > 0 ? [{ name: `${table}_not_empty`, expression: filled.join(" and ") }] : []),
    ...enums.map(({ name, field, deletedValue }) => ({
      name: `${table}_${name}_known`,
      expression: `${q(name)} >= 1 and ${q(name)} <= ${Math.max(...(field.enum?.values ?? []).map(({ number }) => number).filter((number) => number !== deletedValue))}`,
    })),
    ...choices.map((choice) => ({
      name: choiceConstraint(table, choice),
      expression: `num_nonnulls(${choice.columns.map(({ name }) => q(name)).join(", ")}) <= 1`,
    })),
    ...(isSoft ? [{ name: `${table}_purged_when_deleted`, expression: "(delete_time is null) = (purge_time is null)" }] : []),
  ];
};

const indexOf = (table: string, name: string, columns: readonly string[], which = "") => ({
  name: `${unqualified(table)}_${name}_index`,
  expression: `create index ${unqualified(table)}_${name}_index on ${table} (${columns.map(quoteIn(table)).join(", ")})${which}`,
});

/** Lists, by the id and by what is declared; what goes with its organization or user; what is to be purged, or no longer kept. */
const indexesOf = (kind: Kind) => {
  const { table, columns, parent, ancestors, indexes, isSoft, retention } = kind;
  const others = columns.filter((column) => hasForeignKey(kind, column) && column !== parent);
  return [
    ...(ancestors.length === 0 ? [] : [indexOf(table, parent.name.replace(/_id$/, ""), [parent.name, "id"])]),
    ...indexes.map((index) => indexOf(table, index.name, [...index.columns.map(({ name }) => name), "id"])),
    ...others.map(({ name, isNullable }) => indexOf(table, name, [name], isNullable ? ` where ${quoteIn(table)(name)} is not null` : "")),
    ...(retention ? [indexOf(table, retention.column.name, [retention.column.name])] : []),
    ...(isSoft ? [indexOf(table, "purge_time", ["purge_time"], " where purge_time is not null")] : []),
  ];
};

/** The schema and the name of a table, as entities have them. */
const placeOf = (table: string) => ({ tableName: unqualified(table), ...(isMounted({ table }) && { schema: MOUNTED_SCHEMA }) });

const linkEntity = (kind: Kind, link: Link, entities: (name: string) => EntityName): EntitySchema => {
  const { table, column } = link;
  const own = `${kind.name}_id`;
  const isSharing = column === ORGANIZATION_ID;
  const properties = {
    id: id(),
    ...(!isSharing && { organizationId: relation(Organization, ORGANIZATION_ID, "cascade") }),
    resourceId: relation(entities(kind.name), own, "cascade"),
    linkedId: relation(entities(link.to.name), column, "cascade"),
  };
  // Lists of what an organization shares are in the order of the ids.
  const indexes = isSharing
    ? [indexOf(table, column, [column, own])]
    : [indexOf(table, column, [column]), indexOf(table, ORGANIZATION_ID, [ORGANIZATION_ID])];
  const uniques = [{ name: `${unqualified(table)}_key`, properties: ["resourceId", "linkedId"] }];
  return entityOf({ name: table, ...placeOf(table), properties, indexes, uniques });
};

/** Makes the ORM's entities of kinds and of link tables, keyed by the name of the kind or of the link table. */
export const entitiesOf = (kinds: readonly Kind[]): ReadonlyMap<string, EntitySchema> => {
  const made = new Map<string, EntitySchema>();
  const entities = (name: string): EntityName => modelEntities[name] ?? (made.get(name) as EntityName);
  for (const kind of kinds) {
    const { name, table, columns, keys, links, secrets } = kind;
    const token = tokenOf(kind);
    const properties = Object.fromEntries([
      ...columns.map((column) => [column.field.localName, propertyOf(kind, column, entities)] as const),
      ...secrets.map((secret) => [secret.field.localName, secretOf(secret)] as const),
    ]);
    const uniques = [
      ...keys.map((key) => ({ name: `${name}_${key.name}_key`, properties: key.columns.map(({ field }) => field.localName) })),
      ...(token === undefined ? [] : [{ name: `${name}_${token.name}_key`, properties: [token.field.localName] }]),
    ];
    made.set(name, entityOf({ name, ...placeOf(table), properties, uniques, indexes: indexesOf(kind), checks: checksOf(kind) }));
    for (const link of links) made.set(link.table, linkEntity(kind, link, entities));
  }
  return made;
};
