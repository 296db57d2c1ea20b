import { type RawBuilder, sql } from "kysely";
import { type Kind, ORGANIZATION, ORGANIZATION_ID } from "../contract/kinds/kind.ts";
import { joinedAncestors } from "../kinds/row.ts";

/** Makes the condition that a row `x` of a kind belongs to the organization. */
export const ofOrganization = (
  { name, table, columns, ancestors, sharedBy }: Kind,
  id: bigint | RawBuilder<bigint>,
): RawBuilder<unknown> => {
  if (columns.some((column) => column.name === ORGANIZATION_ID)) return sql`x.organization_id = ${id}`;
  if (sharedBy !== undefined)
    return sql`x.id in (select ${sql.ref(`${name}_id`)} from ${sql.table(sharedBy)} where organization_id = ${id})`;
  const depth = 1 + ancestors.findIndex(({ to }) => to.name === ORGANIZATION);
  return sql`x.id in (select r.id from ${sql.table(table)} r ${joinedAncestors({ ancestors })} where ${sql.ref(`a${depth}.id`)} = ${id})`;
};
