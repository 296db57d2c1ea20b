/**
 * The SQL statements that let a function log a change itself, in place of the triggers of the table: meanwhile the setting `userd.logged` holds the
 * name of the table. It is of one transaction, and for functions of the database alone.
 */
export const logging = [
  // The triggers of a table whose change is logged already end at once. Functions that are made anew from now on do so too.
  `do $patch$
    declare
      definition text := pg_get_functiondef('write_tracking_function(regclass,text,text,text,text[],text[],text[],text)'::regprocedure);
      begins constant text := $old$            one record;
          begin
            if tg_op = 'INSERT' then$old$;
    begin
      if position(begins in definition) = 0 then raise exception 'write_tracking_function is another one'; end if;
      execute replace(definition, begins, $new$            one record;
          begin
            if current_setting('userd.logged', true) = %2$L then return null; end if;
            if tg_op = 'INSERT' then$new$);
    end $patch$`,
  `select write_tracking_function('user_option', '''user''', 'r.user_id', 'concat_ws(''/'', r.scope_kind, r.scope_id, r.key)')`,
  `do $patch$
    declare
      definition text := pg_get_functiondef('keep_option_revisions()'::regprocedure);
      begins constant text := $old$      select user_id, scope_kind, scope_id, key, value, expire_time, (select$old$;
    begin
      if position(begins in definition) = 0 then raise exception 'keep_option_revisions is another one'; end if;
      execute replace(definition, begins, $new$      if current_setting('userd.logged', true) = 'user_option' then return null; end if;
$new$ || begins);
    end $patch$`,

  // Without a condition of their own: PostgreSQL reads the text of one anew for each statement, which takes longer than the call.
  `create or replace function aggregate_version_bumped() returns trigger
    language plpgsql
    as $$
    begin
      if tg_op = 'UPDATE' then
        if new.version = old.version or (new.told_xid = new.xid and new.xid <> old.xid) then return null; end if;
      end if;
      insert into version_bump (xid, aggregate_kind, aggregate_id, version) values (pg_current_xact_id(), new.kind, new.id, new.version);
      return null;
    end $$`,
  `create or replace trigger aggregate_version_bumped_on_update after update on aggregate_version
    for each row execute function aggregate_version_bumped()`,
];
