import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Operation } from "../../call.ts";
import type { Tx } from "../../db/write.ts";
import { failedPrecondition, notFound } from "../../errors.ts";
import { ListMergeDiscardsRequestSchema, type MergeDiscardSchema, MergeWinner } from "../../gen/userd/v1/user_merge_pb.ts";
import { UserService } from "../../gen/userd/v1/user_service_pb.ts";
import type { UserDependencies } from "../../users/dependencies.ts";
import { requirePermission } from "../../users/privileges.ts";
import { type MergeRule, type TableLife, tables } from "../tables.ts";
import { openMerge, type StoredMerge, storedMerge, storedMergeLocks } from "./stored-merge.ts";

const { method } = UserService;

type DiscardRow = {
  readonly id: bigint;
  readonly table_name: string;
  readonly row: string;
  readonly side: string;
  readonly restore_time: Date | null;
  readonly bytes: number;
};

/** The columns of each table that no answer shows. */
const hidden = Object.entries(tables as Readonly<Record<string, TableLife>>).flatMap(([table, { secrets = [] }]) =>
  secrets.map((secret) => ({ table, secret })),
);

const secretsOf = sql`array(
  select h.secret from unnest(${hidden.map(({ table }) => table)}::text[], ${hidden.map(({ secret }) => secret)}::text[]) h (t, secret)
  where h.t = d.table_name)`;

const columns = sql`d.id, d.table_name, (d."row" - ${secretsOf})::text as "row", d.side, d.restore_time, octet_length(d."row"::text) as bytes`;

const toDiscard = (row: DiscardRow): MessageInitShape<typeof MergeDiscardSchema> => ({
  id: row.id,
  table: row.table_name,
  row: row.row,
  side: row.side === "target" ? MergeWinner.TARGET : MergeWinner.SOURCE,
  ...(row.restore_time !== null && { restoreTime: timestampFromDate(row.restore_time) }),
});

/** ListMergeDiscards: reads one page of what lost in a merge. */
export const listMergeDiscards =
  ({ db, freshness, pager }: UserDependencies): Operation<typeof method.listMergeDiscards> =>
  async (call, request) => {
    const page = pager(call, ListMergeDiscardsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const session = db.session(call);
    const { id } = await storedMerge(session, request.fromUserId);
    const [after = "0"] = page.after ?? [];
    const found = await session.rows(sql<DiscardRow>`
      select ${columns} from merge_discard d
      where d.merge_id = ${id} and d.side in ('source', 'target') and d.id > ${after}::bigint order by d.id limit ${page.size + 1}`);
    const { rows, nextPageToken } = page.cut(
      found,
      (row) => [row.id],
      ({ bytes }) => bytes,
    );
    return { discards: rows.map(toDiscard), nextPageToken };
  };

const notRestorable = (sentence: string) => failedPrecondition("DISCARD_NOT_RESTORABLE", sentence);

/** Keeps what stands in the place of a discard, as what lost to it. It is the source's if the merge had moved it. */
const giveWay = async (tx: Tx, { id }: StoredMerge, table: string, rowId: bigint, from: bigint): Promise<void> => {
  const moved = await tx.affected(
    sql`delete from merge_move where merge_id = ${id} and table_name = ${table} and column_name = 'user_id' and row_id = ${rowId}`,
  );
  const owner = moved > 0 ? sql` || jsonb_build_object('user_id', ${from}::bigint)` : sql``;
  await tx.rows(sql`
    insert into merge_discard (merge_id, table_name, row_id, side, "row")
    select ${id}, ${table}, x.id, ${moved > 0 ? "source" : "target"}, to_jsonb(x)${owner} from ${sql.table(table)} x where x.id = ${rowId}`);
  await tx.rows(sql`delete from ${sql.table(table)} where id = ${rowId}`);
};

/** Gives the target a discard, in the place of what has its key now. */
const restore = async (tx: Tx, merge: StoredMerge, row: DiscardRow & { readonly row_id: bigint }, from: bigint): Promise<void> => {
  const { table_name: table } = row;
  const rule: MergeRule | undefined = (tables as Readonly<Record<string, TableLife>>)[table]?.merge;
  if (rule?.as !== "rows" || table === "resource")
    throw notRestorable("What was lost of profiles and of what they own comes back with UndoUserMerge only.");
  const isSame = sql.join(
    rule.key.map((name) => sql`${sql.ref(`t.${name}`)} = ${sql.ref(`r.${name}`)}`),
    sql` and `,
  );
  const inPlace = await tx.rows(sql<{ id: bigint }>`
    select t.id from merge_discard d cross join lateral jsonb_populate_record(null::${sql.table(table)}, d."row") r
    join ${sql.table(table)} t on t.user_id = ${merge.target} and ${isSame} where d.id = ${row.id}`);
  for (const { id } of inPlace) await giveWay(tx, merge, table, id, from);
  const { is_back: isBack } = await tx.one(sql<{ is_back: boolean }>`
    select restore_row(table_name::regclass, "row" || jsonb_build_object('user_id', ${merge.target}::bigint)) as is_back
    from merge_discard where id = ${row.id}`);
  if (!isBack) throw notRestorable("What was lost collides with what was written since, or what it belongs to is gone.");
  if (row.side === "source")
    await tx.rows(sql`
      insert into merge_move (merge_id, table_name, column_name, row_id, from_id, to_id)
      values (${merge.id}, ${table}, 'user_id', ${row.row_id}, ${from}, ${merge.target})`);
  await tx.rows(sql`update merge_discard set restore_time = now() where id = ${row.id}`);
};

/** RestoreMergeDiscard: gives the target of a merge something that lost in it. */
export const restoreMergeDiscard =
  ({ write }: UserDependencies): Operation<typeof method.restoreMergeDiscard> =>
  (call, request) => {
    const { fromUserId: from, discardId } = request;
    const locks = storedMergeLocks(from);
    return write(call, { method: method.restoreMergeDiscard, request, aggregates: locks }, async (tx) => {
      await requirePermission(tx, "users.admin");
      const merge = await openMerge(tx, from);
      tx.requireLocked(await locks(tx), "The users have changed");
      const found = () =>
        tx.row(sql<DiscardRow & { row_id: bigint }>`
          select ${columns}, d.row_id from merge_discard d where d.id = ${discardId} and d.merge_id = ${merge.id} and d.side in ('source', 'target')`);
      const row = await found();
      if (row === undefined) throw notFound("DISCARD_NOT_FOUND", "The merge has no such discard.");
      if (row.restore_time !== null) throw notRestorable("The discard was restored before.");
      await restore(tx, merge, row, from);
      return { discard: toDiscard((await found()) ?? row) };
    });
  };
