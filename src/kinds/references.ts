import { type RawBuilder, sql } from "kysely";
import { referenceNotFound } from "../contract/kinds/errors.ts";
import type { Kind, Link, Reference, Referent } from "../contract/kinds/kind.ts";
import { type Compiled, compiled, place } from "../db/compiled.ts";
import type { Tx } from "../db/write.ts";
import { oncePerKind } from "./once-per-kind.ts";
import { joinedAncestors } from "./row.ts";
import { liveById } from "./stored.ts";
import type { Values } from "./values.ts";

/** The place for the organization or profile to belong to; no column has this name. */
const WITHIN = "@within";

/** True of a row `r` of something, or of what is shared, that belongs to the organization or profile. */
const isOf = ({ name, belongsTo, sharedBy }: Referent): RawBuilder<boolean> => {
  const it = sql`${place(WITHIN)}::bigint`;
  if (sharedBy !== undefined)
    return sql`exists (
      select from ${sql.table(sharedBy)} s where ${sql.ref(`s.${name}_id`)} = r.id and s.organization_id = ${it})`;
  return belongsTo === undefined ? sql`true` : sql`${sql.ref(`r.${belongsTo.column}`)} = ${it}`;
};

/** True of a row `r` that can be referred to from an organization, or, if not `isWithin`, from what organizations share. */
const isThere = (to: Referent, isWithin = true): RawBuilder<boolean> =>
  sql`${to.isSoft ? sql`r.delete_time is null` : sql`true`} and ${isWithin ? isOf(to) : sql`true`}`;

/** True if the parent is there, and nothing that it is part of is deleted. */
const parentIsThere = ({ parent, ancestors: [, ...above] }: Kind, to: Referent): RawBuilder<boolean> => {
  const live = above.map(({ to: { isSoft } }, index) => (isSoft ? sql`${sql.ref(`a${index + 1}.delete_time`)} is null` : sql`true`));
  return sql`exists (
    select from ${sql.table(to.table)} r ${joinedAncestors({ ancestors: above })}
    where r.id = ${place(parent.name)}::bigint and ${isThere(to)} and ${sql.join([sql`true`, ...live], sql` and `)})`;
};

const absentReference = (kind: Kind, name: string, { to, isParent }: Reference): RawBuilder<unknown> =>
  sql`select ${sql.lit(name)} as name where not ${
    isParent
      ? parentIsThere(kind, to)
      : sql`exists (select from ${sql.table(to.table)} r where r.id = ${place(name)}::bigint and ${isThere(to)})`
  }`;

const absentLink = ({ sharedBy }: Kind, { name, to }: Link): RawBuilder<unknown> =>
  sql`select ${sql.lit(name)} as name where exists (
    select from unnest(${place(name)}::bigint[]) as w (id) where not exists (
      select from ${sql.table(to.table)} r where r.id = w.id and ${isThere(to, sharedBy === undefined)}))`;

/** The statements that look for what is not there, keyed by the names of the fields that have a value. */
const absences = oncePerKind(() => new Map<string, Compiled<{ name: string }>>());

const absenceOf = (kind: Kind, names: readonly string[]): Compiled<{ name: string }> => {
  const key = names.join();
  const known = absences(kind).get(key);
  if (known !== undefined) return known;
  const given = new Set(names);
  const absent = [
    ...kind.columns.flatMap(({ name, reference }) => (given.has(name) && reference ? [absentReference(kind, name, reference)] : [])),
    ...kind.links.filter(({ name }) => given.has(name)).map((link) => absentLink(kind, link)),
  ];
  const made = compiled(sql<{ name: string }>`${sql.join(absent, sql` union all `)} limit 1`);
  absences(kind).set(key, made);
  return made;
};

/**
 * Checks that everything a resource's values refer to exists, is not deleted, and belongs to the resource's organization or owner. Foreign keys catch
 * what is removed after the check.
 * @throws NOT_FOUND REFERENCE_NOT_FOUND with the first field that fails the check. If the kind has its own error reasons (`hasOwnReasons`), a
 * parent that fails has the error of `liveById`.
 */
export const requireReferences = async (tx: Tx, kind: Kind, { columns, links }: Values, rootId: bigint): Promise<void> => {
  const { parent, hasOwnReasons } = kind;
  const above = hasOwnReasons && tx.kinds.served.find(({ name }) => name === parent.reference?.to.name);
  if (above && columns.has(parent)) await liveById(tx, above, columns.get(parent) as bigint);
  const names: string[] = [];
  const given: Record<string, unknown> = { [WITHIN]: rootId };
  for (const [{ name, reference }, id] of columns) {
    if (reference === undefined || id === null || (reference.isParent && hasOwnReasons)) continue;
    names.push(name);
    given[name] = id;
  }
  for (const [{ name }, ids] of links) {
    if (ids.length === 0) continue;
    names.push(name);
    given[name] = ids.map(String);
  }
  if (names.length === 0) return;
  const row = await tx.row(absenceOf(kind, names)(given));
  if (row !== undefined) throw referenceNotFound(`${kind.name}.${row.name}`);
};
