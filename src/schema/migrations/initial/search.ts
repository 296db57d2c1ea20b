/**
 * The SQL statements that create the table of search lines (UserSearch in user.entity.ts), and the triggers that write the table. A line break
 * stands before and after each line; line breaks in names become spaces. A transaction that inserts many users may set `userd.search_later` to
 * `on`: then inserts trigger no search lines, and the transaction has to write the lines itself before it ends.
 */
export const search = [
  `create table user_search (
    user_id bigint primary key,
    lines text collate "C" not null
  )`,

  `create function user_search_lines(users) returns text
    language sql stable
    as $$
      select concat(E'\\n', translate($1.name_canonical, E'\\n', ' '), E'\\n', translate($1.username_canonical, E'\\n', ' '), E'\\n',
        (select string_agg(e.email_canonical || E'\\n', '' order by e.email_canonical) from user_email e where e.user_id = $1.id))
    $$`,

  `create function index_inserted_users() returns trigger
    language plpgsql
    as $$
    begin
      if current_setting('userd.search_later', true) = 'on' then return null; end if;
      insert into user_search (user_id, lines) select n.id, concat(E'\\n', translate(n.name_canonical, E'\\n', ' '), E'\\n',
        translate(n.username_canonical, E'\\n', ' '), E'\\n') from new_rows n order by n.id;
      return null;
    end $$`,
  `create trigger users_inserted_search after insert on users
    referencing new table as new_rows for each statement execute function index_inserted_users()`,

  `create function index_renamed_users() returns trigger
    language plpgsql
    as $$
    begin
      update user_search s set lines = user_search_lines(u)
        from new_rows n join old_rows o using (id) join users u using (id)
        where s.user_id = u.id and (n.name_canonical, n.username_canonical) is distinct from (o.name_canonical, o.username_canonical);
      return null;
    end $$`,
  `create trigger users_updated_search after update on users
    referencing old table as old_rows new table as new_rows for each statement execute function index_renamed_users()`,

  // What triggers write of a user goes with the user: a foreign key would be checked for each row, and find nothing.
  `create function forget_users() returns trigger
    language plpgsql
    as $$
    begin
      delete from option_revision where user_id in (select id from old_rows);
      delete from user_search where user_id in (select id from old_rows);
      return null;
    end $$`,
  `create trigger users_deleted_forgotten after delete on users
    referencing old table as old_rows for each statement execute function forget_users()`,

  // The owners of addresses: one function per event, since a transition table that the event does not have can't be named.
  ...(
    [
      ["insert", "new table as new_rows", "select user_id from new_rows"],
      ["delete", "old table as old_rows", "select user_id from old_rows"],
      [
        "update",
        "old table as old_rows new table as new_rows",
        `select unnest(array[n.user_id, o.user_id]) from new_rows n join old_rows o using (id)
          where (n.user_id, n.email_canonical) is distinct from (o.user_id, o.email_canonical)`,
      ],
    ] as const
  ).flatMap(([event, tables, owners]) => [
    `create function index_users_on_email_${event}() returns trigger
      language plpgsql
      as $$
      begin
        ${event === "insert" ? "if current_setting('userd.search_later', true) = 'on' then return null; end if;" : ""}
        update user_search s set lines = user_search_lines(u)
          from users u where s.user_id = u.id and u.id in (${owners});
        return null;
      end $$`,
    `create trigger user_email_${event}_search after ${event} on user_email
      referencing ${tables} for each statement execute function index_users_on_email_${event}()`,
  ]),
];

/**
 * The SQL statement that creates the indexes for searches by substring. Without the extension pg_trgm it creates none, and such searches read
 * all rows.
 */
export const trigramIndexes = `do $$
  declare
    operators text;
  begin
    begin
      create extension if not exists pg_trgm;
    exception when insufficient_privilege or undefined_file or feature_not_supported then
      raise notice 'pg_trgm is not available (%): searches by substring have no index', sqlerrm;
    end;
    select quote_ident(n.nspname) || '.gin_trgm_ops' into operators
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
    if operators is not null then
      execute format('create index user_search_lines_index on user_search using gin (lines %s)', operators);
      execute format('create index user_profile_text_index on user_profile using gin (name %1$s, description %1$s)', operators);
      execute format('create index account_name_index on account using gin (name %s)', operators);
    end if;
  end $$`;
