/**
 * Versions and the change log: whatever changes a row that can be observed also moves the version
 * of its subject and logs the change, in the same transaction, whoever makes the change.
 *
 * `track_changes(table, kind of subject, id of the subject, key of the resource)` gives a table its triggers. The three
 * expressions see the row as `r`. After adding columns to a tracked table, a migration calls it again: the trigger
 * compares the columns that the table had at the last call.
 */
export const changeLog = [
  `create function current_epoch() returns text
    language sql stable parallel safe
    as $$
      select concat_ws('-',
        (select system_identifier from pg_control_system()),
        (select oid from pg_database where datname = current_database()),
        left(pg_walfile_name(pg_current_wal_lsn()), 8))
    $$`,
  `comment on function current_epoch() is
    'Versions may be compared within one epoch only: a failover, a restored or a cloned database begins another one.'`,
  `create function refuse_change() returns trigger
    language plpgsql
    as $$ begin raise exception '% of % is refused', tg_op, tg_table_name using errcode = 'insufficient_privilege'; end $$`,
  `create trigger changes_are_kept before update or delete or truncate on changes
    for each statement execute function refuse_change()`,
  `create function track_changes(tracked regclass, subject_kind text, subject_id text, resource_key text) returns void
    language plpgsql
    as $track$
    declare
      -- 'case when o.name is distinct from r.name then ''name'' end, …' over what can be observed
      differences text;
    begin
      select string_agg(format('case when o.%1$I is distinct from r.%1$I then %1$L end', attname), ', ' order by attnum)
        into strict differences
        from pg_attribute
        where attrelid = tracked and attnum > 0 and not attisdropped and attname not in ('id', 'version', 'update_time');

      execute format($function$
        create or replace function %1$I() returns trigger
          language plpgsql
          as $body$
          begin
            if tg_op = 'INSERT' then
              insert into subject_version as s (kind, id, version, xid)
                select kind, id, 1, pg_current_xact_id()
                  from (select distinct %3$s as kind, %4$s as id from new_rows r) touched order by kind, id
                on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid
                  where s.xid <> excluded.xid;
              insert into changes (kind, key, operation, subject_kind, subject_id, version, xid, caller, acting_user_id, request_id)
                select %2$L, %5$s, 'insert', s.kind, s.id, s.version, s.xid, %7$s
                  from new_rows r join subject_version s on s.kind = %3$s and s.id = %4$s
                  order by r.id;
            elsif tg_op = 'DELETE' then
              insert into subject_version as s (kind, id, version, xid)
                select kind, id, 1, pg_current_xact_id()
                  from (select distinct %3$s as kind, %4$s as id from old_rows r) touched order by kind, id
                on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid
                  where s.xid <> excluded.xid;
              insert into changes (kind, key, operation, subject_kind, subject_id, version, xid, caller, acting_user_id, request_id)
                select %2$L, %5$s, 'delete', s.kind, s.id, s.version, s.xid, %7$s
                  from old_rows r join subject_version s on s.kind = %3$s and s.id = %4$s
                  order by r.id;
            else
              insert into subject_version as s (kind, id, version, xid)
                select kind, id, 1, pg_current_xact_id()
                  from (select %3$s as kind, %4$s as id from old_rows r join new_rows n on n.id = r.id where r is distinct from n
                        union
                        select %3$s, %4$s from new_rows r join old_rows o on o.id = r.id where o is distinct from r) touched
                  order by kind, id
                on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid
                  where s.xid <> excluded.xid;
              -- A row that moves to another subject is a delete for the old one and an insert for the new one.
              with moved as (
                select id, %5$s as key, (%3$s)::text as subject_kind, %4$s as subject_id, array_remove(array[%6$s], null) as columns
                  from new_rows r join old_rows o using (id) where o is distinct from r
              ), before as (
                select id, %5$s as key, (%3$s)::text as subject_kind, %4$s as subject_id from old_rows r
              ), logged as (
                select m.id, m.key, m.subject_kind, m.subject_id, 'update' as operation, m.columns
                  from moved m join before b using (id, subject_kind, subject_id)
                union all
                select b.id, b.key, b.subject_kind, b.subject_id, 'delete', null
                  from moved m join before b using (id) where (m.subject_kind, m.subject_id) <> (b.subject_kind, b.subject_id)
                union all
                select m.id, m.key, m.subject_kind, m.subject_id, 'insert', null
                  from moved m join before b using (id) where (m.subject_kind, m.subject_id) <> (b.subject_kind, b.subject_id)
              )
              insert into changes (kind, key, operation, changed_columns, subject_kind, subject_id, version, xid, caller, acting_user_id, request_id)
                select %2$L, l.key, l.operation, l.columns, s.kind, s.id, s.version, s.xid, %7$s
                  from logged l join subject_version s on s.kind = l.subject_kind and s.id = l.subject_id
                  order by l.id;
            end if;
            return null;
          end
          $body$
        $function$,
        tracked::text || '_changed', tracked::text, subject_kind, subject_id, resource_key, differences,
        $context$coalesce(nullif(current_setting('userd.caller', true), ''), 'sql'),
          nullif(current_setting('userd.acting_user_id', true), '')::bigint,
          nullif(current_setting('userd.request_id', true), '')$context$);

      execute format('create or replace trigger %1$I after insert on %2$s
        referencing new table as new_rows for each statement execute function %3$I()',
        tracked::text || '_inserted', tracked, tracked::text || '_changed');
      execute format('create or replace trigger %1$I after update on %2$s
        referencing old table as old_rows new table as new_rows for each statement execute function %3$I()',
        tracked::text || '_updated', tracked, tracked::text || '_changed');
      execute format('create or replace trigger %1$I after delete on %2$s
        referencing old table as old_rows for each statement execute function %3$I()',
        tracked::text || '_deleted', tracked, tracked::text || '_changed');
      execute format('create or replace trigger %1$I before truncate on %2$s
        for each statement execute function refuse_change()', tracked::text || '_kept', tracked);
    end
    $track$`,
];
