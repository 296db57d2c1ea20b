import { type RawBuilder, sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Page } from "../db/page.ts";
import { type Kind, type NamedRow, organizations } from "./kind.ts";

/** A row, or nulls when the organization exists and the page is empty. */
type Found<R> = R | { readonly id: null };

/** The source of a page: columns, table, and the condition for rows of an organization. */
export type Listed<R> = {
  readonly columns: RawBuilder<R>;
  /** The table in the alias `r`, which has an organization_id. */
  readonly from: RawBuilder<unknown>;
  readonly which: RawBuilder<unknown>;
};

/**
 * Reads one page of what belongs to an organization, by id, and one row more. One statement, which also tells whether the
 * organization exists.
 * @throws NOT_FOUND ORGANIZATION_NOT_FOUND.
 */
export const readPage = async <R extends { readonly id: bigint }>(
  { db, call, page }: { db: Database; call: Call; page: Page },
  organizationId: bigint,
  { columns, from, which }: Listed<R>,
): Promise<readonly R[]> => {
  const [after = "0"] = page.after ?? [];
  const rows = await db.session(call).rows(sql<Found<R>>`
    select listed.* from organization g left join lateral (
      select ${columns} from ${from} where r.organization_id = g.id and r.id > ${after}::bigint and ${which}
      order by r.id limit ${page.size + 1}
    ) listed on true where g.id = ${organizationId} order by listed.id`);
  if (rows.length === 0) throw organizations.notFound();
  return rows.filter((row): row is R => row.id !== null);
};

/** The source of pages of projects or teams. */
export const listed = <R extends NamedRow>(kind: Kind<R>, showDeleted: boolean): Listed<R> => ({
  columns: kind.columns,
  from: sql`${sql.table(kind.table)} r`,
  which: showDeleted ? sql`true` : sql`r.delete_time is null`,
});
