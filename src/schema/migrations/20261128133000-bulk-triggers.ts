import { Migration } from "@mikro-orm/migrations";

export class BulkTriggers extends Migration {
  override name = "20261128133000-bulk-triggers";

  override up(): void | Promise<void> {
    this.addSql(keepRevisions);
    for (const statement of searchLater) this.addSql(statement);
  }
}

/** As before, but the oldest revision to keep is looked for only where an option has more: not once for each that is there. */
const keepRevisions = `create or replace function keep_option_revisions() returns trigger
  language plpgsql
  as $$
  begin
    insert into option_revision (user_id, scope_kind, scope_id, key, value, expire_time, caller, acting_user_id)
      select user_id, scope_kind, scope_id, key,
        case when tg_op <> 'DELETE' then value end, case when tg_op <> 'DELETE' then expire_time end,
        coalesce(nullif(current_setting('userd.caller', true), ''), 'sql'),
        nullif(current_setting('userd.acting_user_id', true), '')::bigint
      from written order by id;
    delete from option_revision r using (
        select user_id, scope_kind, scope_id, key from written w join option_revision o using (user_id, scope_kind, scope_id, key)
        group by user_id, scope_kind, scope_id, key having count(*) > 20
      ) w
      where (r.user_id, r.scope_kind, r.scope_id, r.key) = (w.user_id, w.scope_kind, w.scope_id, w.key)
        and r.id <= (
          select o.id from option_revision o
          where (o.user_id, o.scope_kind, o.scope_id, o.key) = (w.user_id, w.scope_kind, w.scope_id, w.key)
          order by o.id desc offset 20 limit 1);
    return null;
  end $$`;

/**
 * Whoever stores users and then their addresses may say `userd.search_later` for the transaction: each line is written once, and
 * the index on it too. It is up to them then to write the lines before the transaction ends.
 */
const searchLater = [
  `create or replace function index_inserted_users() returns trigger
    language plpgsql
    as $$
    begin
      if current_setting('userd.search_later', true) = 'on' then return null; end if;
      insert into user_search (user_id, lines) select n.id, concat(E'\\n', translate(n.name_handle, E'\\n', ' '), E'\\n',
        translate(n.username_handle, E'\\n', ' '), E'\\n') from new_rows n order by n.id;
      return null;
    end $$`,
  `create or replace function index_users_on_email_insert() returns trigger
    language plpgsql
    as $$
    begin
      if current_setting('userd.search_later', true) = 'on' then return null; end if;
      update user_search s set lines = user_search_lines(u)
        from users u where s.user_id = u.id and u.id in (select user_id from new_rows);
      return null;
    end $$`,
];
