import { sql } from "kysely";
import { type Kind, type Link, ORGANIZATION_ID } from "../contract/kinds/kind.ts";
import type { Tx } from "../db/transaction.ts";
import type { Row } from "./row.ts";

/** Stores the ids of a repeated reference of a resource, but for those that are stored already. */
export const addLinks = async (
  tx: Tx,
  { name }: Kind,
  { table, column }: Link,
  { id, organizationId }: { readonly id: bigint; readonly organizationId: bigint },
  ids: readonly bigint[],
): Promise<void> => {
  if (ids.length === 0) return;
  // A link to an organization is that organization's.
  const [names, values] =
    column === ORGANIZATION_ID
      ? [[`${name}_id`, column], sql`${id}::bigint, w.id`]
      : [[`${name}_id`, column, ORGANIZATION_ID], sql`${id}::bigint, w.id, ${organizationId}::bigint`];
  await tx.rows(sql`
    insert into ${sql.table(table)} (${sql.join(names.map((one) => sql.ref(one)))})
    select ${values} from unnest(${ids.map(String)}::bigint[]) as w (id) order by w.id
    on conflict do nothing`);
};

/** Stores these ids of a repeated reference and deletes all others. Returns false when nothing had to change. */
export const replaceLinks = async (tx: Tx, kind: Kind, link: Link, row: Row, ids: readonly bigint[]): Promise<boolean> => {
  const before = new Set((row[link.name] as readonly string[]).map(BigInt));
  const added = ids.filter((id) => !before.has(id));
  if (added.length === 0 && before.size === ids.length) return false;
  if (before.size + added.length > ids.length) {
    await tx.rows(sql`
      delete from ${sql.table(link.table)}
      where ${sql.ref(`${kind.name}_id`)} = ${row.id} and ${sql.ref(link.column)} <> all(${ids.map(String)}::bigint[])`);
  }
  await addLinks(tx, kind, link, { id: row.id, organizationId: row.organization_id }, added);
  return true;
};
