import { sql } from "kysely";
import type { ImportTx } from "../transaction.ts";

/** Has the lines that users are searched in wait until their addresses are stored too: each is written once, and the index on it. */
export const indexLater = (tx: ImportTx) => tx.rows(sql`select set_config('userd.search_later', 'on', true)`);

/** Writes the lines of users who are new or have new addresses; from now on triggers do so again. */
export const indexUsers = async (tx: ImportTx): Promise<void> => {
  await tx.rows(sql`insert into user_search as s (user_id, lines)
    select u.id, user_search_lines(u) from users u where u.id in (
      select id from import_user where outcome = 'created' union select user_id from import_email where outcome = 'created'
    ) order by u.id
    on conflict (user_id) do update set lines = excluded.lines where s.lines <> excluded.lines`);
  await tx.rows(sql`select set_config('userd.search_later', 'off', true)`);
};
