import { sql } from "kysely";
import { type Kind, type Link, ORGANIZATION_ID } from "../contract/kinds/kind.ts";
import { compiled, place } from "../db/compiled.ts";
import type { Tx } from "../db/write.ts";
import { oncePerKind } from "./once-per-kind.ts";
import type { Row } from "./row.ts";

/** The statements that add to the links of a kind, keyed by link. */
const additions = oncePerKind(({ name, links }) => {
  const addition = ({ table, column }: Link) => {
    // A link to an organization is that organization's.
    const own = column === ORGANIZATION_ID ? [] : [[ORGANIZATION_ID, sql`${place("organizationId")}::bigint`] as const];
    const values = [[`${name}_id`, sql`${place("id")}::bigint`] as const, [column, sql`w.id`] as const, ...own];
    return compiled(sql`
      insert into ${sql.table(table)} (${sql.join(values.map(([one]) => sql.ref(one)))})
      select ${sql.join(values.map(([, value]) => value))} from unnest(${place("ids")}::bigint[]) as w (id) order by w.id
      on conflict do nothing`);
  };
  return new Map(links.map((link) => [link, addition(link)]));
});

/** Adds ids to a repeated reference of a resource; ids that are stored already are left alone. */
export const addLinks = async (
  tx: Tx,
  kind: Kind,
  link: Link,
  resource: { readonly id: bigint; readonly organizationId: bigint },
  ids: readonly bigint[],
): Promise<void> => {
  const add = additions(kind).get(link);
  if (add !== undefined && ids.length > 0) await tx.rows(add({ ...resource, ids: ids.map(String) }));
};

/** Stores `ids` as the only ids of a repeated reference of a resource. Returns false when nothing had to change. */
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
