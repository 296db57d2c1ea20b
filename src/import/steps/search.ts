import { sql } from "kysely";
import type { ImportTx } from "../transaction.ts";

/** Has the lines that users are searched in wait until their addresses are stored too: each is written once, and the index on it. */
export const indexLater = (tx: ImportTx) => tx.rows(sql`select set_config('userd.search_later', 'on', true)`);

/**
 * Writes the lines of users who are new or have new addresses; from now on triggers do so again. As user_search_lines() makes them,
 * which would look up the addresses of each user.
 */
export const indexUsers = async (tx: ImportTx): Promise<void> => {
  await tx.rows(sql`
    with touched as materialized (
      select id from import_user where outcome is null union select user_id from import_email where outcome is null
    ), addressed as materialized (
      select e.user_id, string_agg(e.email_canonical || E'\\n', '' order by e.email_canonical) as lines
      from user_email e where e.user_id in (select id from touched) group by e.user_id
    )
    insert into user_search as s (user_id, lines)
    select u.id, concat(E'\\n', translate(u.name_canonical, E'\\n', ' '), E'\\n', translate(u.username_canonical, E'\\n', ' '), E'\\n', a.lines)
    from users u join touched using (id) left join addressed a on a.user_id = u.id order by u.id
    on conflict (user_id) do update set lines = excluded.lines where s.lines <> excluded.lines`);
  await tx.rows(sql`select set_config('userd.search_later', 'off', true)`);
};
