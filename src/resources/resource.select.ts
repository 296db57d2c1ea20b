import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, type Selectable, sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { ResourceRef, ResourceSchema } from "../gen/userd/v1/resource_pb.ts";
import type { Schema } from "../schema/entities.ts";

/** A row of the table of resources. */
export type ResourceRow = Selectable<Schema["resource"]>;

/** The list of SQL columns of a resource; the table has the alias `r`. */
export const resourceColumns = sql.raw("r.id, r.kind, r.owner_profile_id, r.account_id, r.name, r.create_time");

/** A reference as columns: an id, or a kind, an owner and a name. */
const columnsOf = ({
  ref,
}: Pick<ResourceRef, "ref">): readonly [id: string | null, kind: string | null, owner: string | null, name: string | null] =>
  ref.case === "key"
    ? [null, ref.value.kind, String(ref.value.ownerProfileId), ref.value.name]
    : [String(ref.value ?? 0n), null, null, null];

/** Makes the arguments of SQL's `unnest` for references: four arrays (id, kind, owner_profile_id, name), whatever the number of references. */
export const refColumns = (refs: readonly Pick<ResourceRef, "ref">[]): RawBuilder<unknown> => {
  const wanted = refs.map(columnsOf);
  const column = (index: 0 | 1 | 2 | 3) => wanted.map((row) => row[index]);
  return sql`${column(0)}::bigint[], ${column(1)}::text[], ${column(2)}::bigint[], ${column(3)}::text[]`;
};

/** Reads resources by one statement, in the order of their references; undefined = there is no such resource. */
export const findResources = async (session: Session, refs: readonly ResourceRef[]): Promise<readonly (ResourceRow | undefined)[]> => {
  if (refs.length === 0) return [];
  const rows = await session.rows(sql<ResourceRow & { position: number }>`
    select w.position::int, ${resourceColumns}
    from unnest(${refColumns(refs)}) with ordinality as w (id, kind, owner_profile_id, name, position)
    cross join lateral (
      select * from resource where id = w.id
      union all
      select * from resource where owner_profile_id = w.owner_profile_id and kind = w.kind and name = w.name
    ) r`);
  const found: (ResourceRow | undefined)[] = refs.map(() => undefined);
  for (const { position, ...row } of rows) found[position - 1] = row;
  return found;
};

/** Makes the API's message of a resource from its row. */
export const toResource = (row: ResourceRow): MessageInitShape<typeof ResourceSchema> => ({
  id: row.id,
  kind: row.kind,
  ownerProfileId: row.owner_profile_id,
  accountId: row.account_id,
  name: row.name,
  createTime: timestampFromDate(row.create_time),
});
