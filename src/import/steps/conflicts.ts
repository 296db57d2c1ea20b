import { sql } from "kysely";
import { users } from "../readers/user-staging.ts";
import type { Conflict } from "../report.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { skip } from "./rows.ts";

/** Users of the file whose id or username belongs to somebody else here. */
export const conflicts = {
  name: "import_conflict",
  columns: { username: TEXT, username_handle: TEXT, same_id: TEXT, same_name: "bigint" },
} as const satisfies StagingTable;

/** Compares the users of the file with those that are here, by id and by username: both find the same user, or none. */
export const findConflicts = (tx: ImportTx) =>
  sql`insert into import_conflict (model, record, pk, username, username_handle, same_id, same_name)
    select i.model, i.record, i.pk, i.username, i.username_handle, by_id.username, by_name.id
    from import_user i
      left join users by_id on by_id.id = i.pk
      left join users by_name on by_name.username_handle = i.username_handle
    where by_id.id is distinct from by_name.id`.execute(tx.sql, tx.abort);

/** All conflicts, in the order of the file. */
export const listConflicts = async (tx: ImportTx): Promise<Conflict[]> => {
  const { rows } = await sql<Conflict>`
    select model, record::int as record, pk::text as pk, username, same_id as "usernameHere", same_name::text as "idHere"
    from import_conflict order by import_conflict.record`.execute(tx.sql, tx.abort);
  return rows;
};

/**
 * Gives every user of the file its id here. Without a conflict that is the file's; with one the user is skipped, or
 * becomes the user that bears the name here, or gets an id past all known ones.
 */
export const settleIds = async (tx: ImportTx): Promise<void> => {
  const isConflict = "exists (select from import_conflict c where c.record = t.record)";
  if (tx.onConflict === "skip") await skip(tx, users, "a conflict: its id or username belongs to another user", isConflict);
  await sql`update import_user t set id = t.pk where not ${sql.raw(isConflict)}`.execute(tx.sql, tx.abort);
  if (tx.onConflict !== "remap") return;
  await sql`update import_user t set id = coalesce(c.same_name, c.fresh)
    from (
      select record, same_name, row_number() over (order by (same_name is not null), record) + greatest(
        (select coalesce(max(id), 0) from users),
        (select coalesce(max(pk), 0) from import_user),
        (select last_value from users_id_seq)) as fresh
      from import_conflict
    ) c where c.record = t.record`.execute(tx.sql, tx.abort);
};
