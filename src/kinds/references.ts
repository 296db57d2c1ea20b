import { type RawBuilder, sql } from "kysely";
import { referenceNotFound } from "../contract/kinds/errors.ts";
import type { Kind, Referent } from "../contract/kinds/kind.ts";
import type { Tx } from "../db/transaction.ts";
import { served } from "../schema/entities.ts";
import { joinedAncestors } from "./row.ts";
import { liveById } from "./stored.ts";
import type { Values } from "./values.ts";

/** True of a row `r` of something, or of what is shared, that belongs to an organization. */
const isOf = ({ name, organization, sharedBy }: Referent, organizationId: bigint): RawBuilder<boolean> => {
  if (sharedBy !== undefined)
    return sql`exists (
      select from ${sql.table(sharedBy)} s where ${sql.ref(`s.${name}_id`)} = r.id and s.organization_id = ${organizationId}::bigint)`;
  return organization === undefined ? sql`true` : sql`${sql.ref(`r.${organization}`)} = ${organizationId}::bigint`;
};

/** True of a row `r` that can be referred to from an organization; undefined = from what organizations share. */
const isThere = (to: Referent, organizationId: bigint | undefined): RawBuilder<boolean> =>
  sql`${to.isSoft ? sql`r.delete_time is null` : sql`true`} and ${organizationId === undefined ? sql`true` : isOf(to, organizationId)}`;

/** True if the parent is there, and nothing that it is part of is deleted. */
const parentIsThere = ({ ancestors: [, ...above] }: Kind, to: Referent, id: unknown, organizationId: bigint): RawBuilder<boolean> => {
  const live = above.map(({ to: { isSoft } }, index) => (isSoft ? sql`${sql.ref(`a${index + 1}.delete_time`)} is null` : sql`true`));
  return sql`exists (
    select from ${sql.table(to.table)} r ${joinedAncestors({ ancestors: above })}
    where r.id = ${id}::bigint and ${isThere(to, organizationId)} and ${sql.join([sql`true`, ...live], sql` and `)})`;
};

/**
 * Checks that everything the values refer to exists, is not deleted, and belongs to the organization. Foreign keys catch what is
 * removed after the check.
 * It runs one statement, whose text depends on the kind and the fields alone.
 * @throws NOT_FOUND REFERENCE_NOT_FOUND with the first field that refers to something else; what `liveById` throws for the parent of a
 * kind with reasons of its own.
 */
export const requireReferences = async (tx: Tx, kind: Kind, { columns, links }: Values, organizationId: bigint): Promise<void> => {
  const { parent, hasOwnReasons } = kind;
  const above = hasOwnReasons && served.find(({ name }) => name === parent.reference?.to.name);
  if (above && columns.has(parent)) await liveById(tx, above, columns.get(parent) as bigint);
  const absent = [
    ...[...columns].flatMap(([{ name, reference }, id]) => {
      if (reference === undefined || id === null) return [];
      const { to, isParent } = reference;
      if (isParent && hasOwnReasons) return [];
      const there = isParent
        ? parentIsThere(kind, to, id, organizationId)
        : sql`exists (select from ${sql.table(to.table)} r where r.id = ${id}::bigint and ${isThere(to, organizationId)})`;
      return [sql`select ${sql.lit(name)} as name where not ${there}`];
    }),
    ...[...links].flatMap(([{ name, to }, ids]) =>
      ids.length === 0
        ? []
        : [
            sql`select ${sql.lit(name)} as name where exists (
              select from unnest(${ids.map(String)}::bigint[]) as w (id) where not exists (
                select from ${sql.table(to.table)} r where r.id = w.id and ${isThere(to, kind.sharedBy === undefined ? organizationId : undefined)}))`,
          ],
    ),
  ];
  if (absent.length === 0) return;
  const row = await tx.row(sql<{ name: string }>`${sql.join(absent, sql` union all `)} limit 1`);
  if (row !== undefined) throw referenceNotFound(`${kind.name}.${row.name}`);
};
