import type { MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Session } from "../../db/session.ts";
import type { NotUndoneSchema } from "../../gen/userd/v1/user_merge_pb.ts";
import { canonicalName } from "../../names/canonical.ts";
import { lifeOf } from "../tables.ts";
import type { StoredMerge } from "./stored-merge.ts";
import { setJoined } from "./take.ts";

/** Something that could not be put back. */
export type NotUndone = MessageInitShape<typeof NotUndoneSchema>;

const notUndone = (table: string, rowId: bigint | string, cause: string): NotUndone => ({ table, rowId: BigInt(rowId), cause });

/** Sets the rows of the target back that had taken over something, unless they were changed since. */
export const putChangedBack = async (tx: Session, { id }: StoredMerge): Promise<NotUndone[]> => {
  const discards = await tx.rows(sql<{ id: string; table_name: string; row_id: bigint; columns: string[] }>`
    select id::text, table_name, row_id, array(select jsonb_object_keys(after)) as columns
    from merge_discard where merge_id = ${id} and side = 'changed' and table_name <> 'users' order by id`);
  const left: NotUndone[] = [];
  for (const [table, rows] of Map.groupBy(discards, (row) => row.table_name)) {
    const columns = rows[0]?.columns ?? [];
    const same = await tx.rows(sql<{ id: string }>`
      select d.id::text from merge_discard d join ${sql.table(table)} t on t.id = d.row_id
      where d.id = any(${rows.map((row) => row.id)}::bigint[]) and to_jsonb(t) @> d.after`);
    const unchanged = new Set(same.map((row) => row.id));
    await setJoined(tx, table, columns, "row", [...unchanged]);
    left.push(...rows.filter((row) => !unchanged.has(row.id)).map((row) => notUndone(table, row.row_id, "It was changed since.")));
  }
  return left;
};

/** Stores again what lost. The last comes first, since rows were kept before the ones that they are part of. */
export const putDiscardsBack = async (tx: Session, { id }: StoredMerge, sides: readonly string[]): Promise<NotUndone[]> => {
  const rows = await tx.rows(sql<{ table_name: string; row_id: bigint; is_back: boolean }>`
    select d.table_name, d.row_id, restore_row(d.table_name::regclass, d."row") as is_back from (
      select * from merge_discard where merge_id = ${id} and side = any(${[...sides]}::text[]) and restore_time is null order by id desc offset 0
    ) d`);
  return rows
    .filter(({ is_back }) => !is_back)
    .map((row) => notUndone(row.table_name, row.row_id, "It collides with what was written since, or what it belongs to is gone."));
};

type Moved = { readonly table_name: string; readonly column_name: string };

/** The tables whose rows are owners of rows that move. */
const ownersOf: Readonly<Record<string, string>> = { owner_profile_id: "user_profile", member_id: "organization_member" };

/** Gives the rows that have moved back to their former owners. */
export const putMovesBack = async (tx: Session, { id, target }: StoredMerge, locked: readonly string[]): Promise<NotUndone[]> => {
  const primary = await tx.one(sql<{ email: string }>`select email from users where id = ${target}`);
  const moves = await tx.rows(sql<Moved>`
    select table_name, column_name from merge_move where merge_id = ${id} group by 1, 2 order by 1, 2`);
  const left: NotUndone[] = [];
  for (const { table_name: table, column_name: column } of moves) {
    const [rows, owner] = [sql.table(table), sql.ref(`t.${column}`)];
    const rule = lifeOf(tx.kinds.kinds, table)?.merge;
    const key = rule?.as === "rows" && column === "user_id" ? rule.key : [];
    const isFree =
      key.length === 0
        ? sql``
        : sql` and not exists (select from ${rows} x where ${sql.ref(`x.${column}`)} = m.from_id
            and ${sql.join(
              key.map((name) => sql`${sql.ref(`x.${name}`)} = ${sql.ref(`t.${name}`)}`),
              sql` and `,
            )})`;
    const ownerTable = ownersOf[column];
    const isThere = ownerTable === undefined ? sql`` : sql` and exists (select from ${sql.table(ownerTable)} o where o.id = m.from_id)`;
    const isOther = table === "user_email" ? sql` and t.email_canonical <> ${canonicalName(primary.email)}` : sql``;
    const kind = tx.kinds.kinds.find((one) => one.table === table);
    const isLocked =
      kind === undefined || column === "owner_profile_id" ? sql`` : sql` and t.organization_id = any(${[...locked]}::bigint[])`;
    const counted = kind === undefined || kind.isLarge ? sql`` : sql`, etag = t.etag + 1`;
    const stayed = await tx.rows(sql<{ row_id: bigint }>`
      with back as (
        update ${rows} t set ${sql.ref(column)} = m.from_id${counted} from merge_move m
        where m.merge_id = ${id} and m.table_name = ${table} and m.column_name = ${column} and t.id = m.row_id and ${owner} = m.to_id
          ${isFree}${isThere}${isOther}${isLocked}
        returning t.id
      )
      select m.row_id from merge_move m
      where m.merge_id = ${id} and m.table_name = ${table} and m.column_name = ${column} and m.row_id not in (select id from back) order by 1`);
    left.push(
      ...stayed.map(({ row_id }) =>
        notUndone(table, row_id, "It was removed, replaced or given to somebody else since, or is the primary address."),
      ),
    );
  }
  return left;
};
