import { sql } from "kysely";
import type { ImportTx } from "../transaction.ts";

/** Keeps triggers of inserts from writing search lines (names and addresses that searches look in): indexUsers writes each line once. */
export const indexLater = (tx: ImportTx) => tx.rows(sql`select set_config('userd.search_later', 'on', true)`);

/** The index on the lines, where it is the importing role's: nobody else may put in what waits at it. */
const index = sql`pg_class where oid = to_regclass('user_search_lines_index') and pg_has_role(relowner, 'usage')`;

/**
 * Lets up to 16 MB of index entries wait, which go in before the import ends: trigrams of many users together cost a fifth less than 4 MB
 * at a time. More would gain little, and a write of the service that comes meanwhile may have to put them in.
 */
const fillIndex = async (tx: ImportTx, write: () => Promise<unknown>): Promise<void> => {
  const limit = await tx.row(sql<{ before: string }>`
    select current_setting('gin_pending_list_limit') as before, set_config('gin_pending_list_limit', '16MB', true) from ${index}`);
  await write();
  if (limit === undefined) return;
  await tx.rows(sql`select set_config('gin_pending_list_limit', ${limit.before}, true), gin_clean_pending_list(oid) from ${index}`);
};

/**
 * Writes the search lines of users who are new or have new addresses, and undoes indexLater, so that triggers write lines again. The SQL
 * function user_search_lines would make the same lines, but with a look-up of addresses for each user.
 */
export const indexUsers = async (tx: ImportTx): Promise<void> => {
  await fillIndex(tx, () =>
    tx.rows(sql`
    with touched as materialized (
      select id from import_user where outcome is null union select user_id from import_email where outcome is null
    ), addressed as materialized (
      select e.user_id, string_agg(e.email_canonical || E'\\n', '' order by e.email_canonical) as lines
      from user_email e where e.user_id in (select id from touched) group by e.user_id
    )
    insert into user_search as s (user_id, lines)
    select u.id, concat(E'\\n', translate(u.name_canonical, E'\\n', ' '), E'\\n', translate(u.username_canonical, E'\\n', ' '), E'\\n', a.lines)
    from users u join touched using (id) left join addressed a on a.user_id = u.id order by u.id
    on conflict (user_id) do update set lines = excluded.lines where s.lines <> excluded.lines`),
  );
  await tx.rows(sql`select set_config('userd.search_later', 'off', true)`);
};
