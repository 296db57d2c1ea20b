import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import type { Session } from "../../db/session.ts";
import type { ImportTx } from "../transaction.ts";

/** Keeps triggers from writing search lines until `indexUsers` is called, which writes all lines by one statement. */
export const indexLater = (tx: ImportTx) => tx.rows(sql`select set_config('userd.search_later', 'on', true)`);

/** The index on the lines, where it is the importing role's: nobody else may put in what waits at it. */
const index = sql`pg_class where oid = to_regclass('user_search_lines_index') and pg_has_role(relowner, 'usage')`;

/** Puts the entries that wait at the index into it. Any connection can: entries are the same whether their rows are committed or not. */
const putIn = ({ rows }: Pick<Session, "rows">) => rows(sql`select gin_clean_pending_list(oid) from ${index}`);

/** Puts entries into the index, by a connection of its own, until `write` has ended and none waits any more. */
const putInBeside = async (outside: Session, write: Promise<unknown>): Promise<void> => {
  let isWriting = true;
  const ended = () => {
    isWriting = false;
  };
  write.then(ended, ended);
  while (isWriting) {
    await putIn(outside);
    await delay(10);
  }
  await putIn(outside);
};

/**
 * Writes many lines without waiting for the index: trigrams take four times as long as their lines. They wait at the index, and a
 * second connection puts them in while the import goes on. The embedded database has none: there they wait until 16 MB are
 * together, which saves a fifth; a write of the service that comes meanwhile may have to put them in.
 */
const fillIndex = async (tx: ImportTx, write: () => Promise<unknown>): Promise<void> => {
  const { outside } = tx;
  const limit = await tx.row(sql<{ before: string }>`
    select current_setting('gin_pending_list_limit') as before,
      set_config('gin_pending_list_limit', ${outside === undefined ? "16MB" : "1GB"}, true) from ${index}`);
  const writing = write();
  if (limit !== undefined && outside !== undefined) {
    const filled = putInBeside(outside, writing);
    // A failure is thrown where it is waited for.
    filled.catch(() => {});
    tx.pending.push(filled);
  }
  await writing;
  if (limit === undefined) return;
  await tx.rows(sql`select set_config('gin_pending_list_limit', ${limit.before}, true)`);
  if (outside === undefined) await putIn(tx);
};

/** Writes the search lines of users who are new or have new addresses, and lets triggers write search lines again after `indexLater`. */
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
