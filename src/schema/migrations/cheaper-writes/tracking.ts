/**
 * The SQL statements that replace the functions of the triggers of tracked tables (initial/changes.ts). A statement of one row, which is the
 * rule, is logged without joins and sorts, by simple statements whose plans are kept; a statement that changes nothing ends at once, such as the
 * update of an INSERT … ON CONFLICT that inserts, whose triggers run, too.
 *
 * `track_changes` takes the arguments of before, and two more: `audited` lists the columns whose old and new values the log keeps (the fields that
 * are declared `audit_value`), and `project` is an expression on the row `r` that says which project it is part of.
 */
export const tracking = [
  // Raises the version of an aggregate, once per transaction, and returns it. Whoever calls this writes to the change log what was changed, so that
  // the bump is told (feed/tables.ts).
  `create function move_version(aggregate_kind text, aggregate_id bigint) returns bigint
    language plpgsql
    as $$
    declare
      moved bigint;
    begin
      update aggregate_version s set version = s.version + 1, xid = pg_current_xact_id(), told_xid = pg_current_xact_id()
        where s.kind = aggregate_kind and s.id = aggregate_id and s.xid <> pg_current_xact_id() returning s.version into moved;
      if found then return moved; end if;
      select s.version into moved from aggregate_version s where s.kind = aggregate_kind and s.id = aggregate_id;
      if found then return moved; end if;
      insert into aggregate_version as s (kind, id, version, xid, told_xid)
        values (aggregate_kind, aggregate_id, 1, pg_current_xact_id(), pg_current_xact_id())
        on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid, told_xid = excluded.xid
        returning s.version into moved;
      return moved;
    end $$`,

  `create function write_tracking_function(tracked regclass, aggregate_kind text, aggregate_id text, resource_key text,
    derived text[] default '{id,version,update_time}', untracked text[] default '{}',
    audited text[] default '{}', project text default null) returns void
    language plpgsql
    as $track$
    declare
      -- 'case when o.name is distinct from r.name then ''name'' end, …' over what can be observed
      differences text;
      -- 'row(%1$s.name, …) is distinct from row(%2$s.name, …)' over what counts as a change
      differs text := '%1$s is distinct from %2$s';
      -- ''role'', case when o.role is distinct from r.role then jsonb_build_array(o.role, r.role) end, … of an update, and of an insert
      -- or a delete those that are not the column's default
      values_of_update text := '';
      values_of_insert text := '';
      values_of_delete text := '';
      kept constant text := ', nullif(jsonb_strip_nulls(jsonb_build_object(%s)), ''{}'')';
      -- ', changed, project_id' where the table has them: others pay nothing for them
      further_columns text := case when audited <> '{}' then ', changed' else '' end || case when project is not null then ', project_id' else '' end;
      further text := case when project is not null then ', ' || project else '' end;
    begin
      select string_agg(format('case when o.%1$I is distinct from r.%1$I then %1$L end', attname), ', ' order by attnum)
        into strict differences
        from pg_attribute
        where attrelid = tracked and attnum > 0 and not attisdropped and attgenerated = ''
          and attname <> all(derived);
      if audited <> '{}' then
        select
            format(kept, string_agg(format('%1$L, case when o.%1$I is distinct from r.%1$I then jsonb_build_array(o.%1$I, r.%1$I) end', attname), ', ' order by attnum)),
            format(kept, string_agg(format('%1$L, case when r.%1$I is distinct from %2$s then jsonb_build_array(null, r.%1$I) end', attname, usual), ', ' order by attnum)),
            format(kept, string_agg(format('%1$L, case when r.%1$I is distinct from %2$s then jsonb_build_array(r.%1$I, null) end', attname, usual), ', ' order by attnum))
          into strict values_of_update, values_of_insert, values_of_delete
          from (
            select attname, attnum, coalesce('(' || pg_get_expr(adbin, adrelid) || ')', 'null') as usual
              from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
              where attrelid = tracked and attnum > 0 and not attisdropped and attname = any(audited)) columns;
      end if;
      if untracked <> '{}' then
        select format('row(%s) is distinct from row(%s)',
            string_agg(format('%%1$s.%I', attname), ', ' order by attnum), string_agg(format('%%2$s.%I', attname), ', ' order by attnum))
          into strict differs
          from pg_attribute
          where attrelid = tracked and attnum > 0 and not attisdropped and attname <> all(untracked);
      end if;

      execute format($function$
        create or replace function %1$I() returns trigger
          language plpgsql
          as $body$
          declare
            one record;
          begin
            if tg_op = 'INSERT' then
              select w as here, (select count(*) from (select from new_rows limit 2) few) as total into one from new_rows w limit 1;
              if not found then return null; end if;
              case one.total
                when 1 then
                  declare
                    r record := one.here;
                    moved_version bigint;
                  begin
                    moved_version := move_version(%3$s, %4$s);
                    insert into changes (kind, key, operation, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id%11$s)
                      values (%2$L, %5$s, 'insert', %3$s, %4$s, moved_version, pg_current_xact_id(), %7$s%12$s);
                    return null;
                  end;
                else null;
              end case;
              insert into aggregate_version as s (kind, id, version, xid, told_xid)
                select kind, id, 1, pg_current_xact_id(), pg_current_xact_id()
                  from (select distinct %3$s as kind, %4$s as id from new_rows r) touched
                  where (%8$s) is distinct from pg_current_xact_id() order by kind, id
                on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid, told_xid = excluded.xid
                  where s.xid <> excluded.xid;
              insert into changes (kind, key, operation, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id%11$s)
                select %2$L, %5$s, 'insert', s.kind, s.id, s.version, s.xid, %7$s%12$s
                  from new_rows r join aggregate_version s on s.kind = %3$s and s.id = %4$s
                  order by r.id;
            elsif tg_op = 'DELETE' then
              select w as here, (select count(*) from (select from old_rows limit 2) few) as total into one from old_rows w limit 1;
              if not found then return null; end if;
              case one.total
                when 1 then
                  declare
                    r record := one.here;
                    moved_version bigint;
                  begin
                    moved_version := move_version(%3$s, %4$s);
                    insert into changes (kind, key, operation, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id%11$s)
                      values (%2$L, %5$s, 'delete', %3$s, %4$s, moved_version, pg_current_xact_id(), %7$s%13$s);
                    return null;
                  end;
                else null;
              end case;
              insert into aggregate_version as s (kind, id, version, xid, told_xid)
                select kind, id, 1, pg_current_xact_id(), pg_current_xact_id()
                  from (select distinct %3$s as kind, %4$s as id from old_rows r) touched
                  where (%8$s) is distinct from pg_current_xact_id() order by kind, id
                on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid, told_xid = excluded.xid
                  where s.xid <> excluded.xid;
              insert into changes (kind, key, operation, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id%11$s)
                select %2$L, %5$s, 'delete', s.kind, s.id, s.version, s.xid, %7$s%13$s
                  from old_rows r join aggregate_version s on s.kind = %3$s and s.id = %4$s
                  order by r.id;
            else
              select b as before, w as here, (select count(*) from (select from new_rows limit 2) few) as total
                into one from new_rows w, old_rows b limit 1;
              if not found then return null; end if;
              case one.total
                when 1 then
                  declare
                    before_kind text;
                    before_id bigint;
                    o record := one.before;
                    r record := one.before;
                    moved_version bigint;
                  begin
                    before_kind := %3$s;
                    before_id := %4$s;
                    r := one.here;
                    -- What moves to another aggregate is logged as below.
                    if o.id = r.id and before_kind = %3$s and before_id = %4$s then
                      if not (%10$s) then return null; end if;
                      moved_version := move_version(before_kind, before_id);
                      insert into changes (kind, key, operation, changed_columns, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id%11$s)
                        values (%2$L, %5$s, 'update', array_remove(array[%6$s], null), before_kind, before_id, moved_version, pg_current_xact_id(), %7$s%20$s);
                      return null;
                    end if;
                  end;
                else null;
              end case;
              insert into aggregate_version as s (kind, id, version, xid, told_xid)
                select kind, id, 1, pg_current_xact_id(), pg_current_xact_id()
                  from (select %3$s as kind, %4$s as id from old_rows r join new_rows n on n.id = r.id where %9$s
                        union
                        select %3$s, %4$s from new_rows r join old_rows o on o.id = r.id where %10$s) touched
                  where (%8$s) is distinct from pg_current_xact_id() order by kind, id
                on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid, told_xid = excluded.xid
                  where s.xid <> excluded.xid;
              -- A row that moves to another aggregate is a delete for the old one and an insert for the new one.
              with moved as (
                select id, %5$s as key, (%3$s)::text as aggregate_kind, %4$s as aggregate_id, array_remove(array[%6$s], null) as columns%14$s
                  from new_rows r join old_rows o using (id) where %10$s
              ), before as (
                select id, %5$s as key, (%3$s)::text as aggregate_kind, %4$s as aggregate_id%15$s from old_rows r
              ), logged as (
                select m.id, m.key, m.aggregate_kind, m.aggregate_id, 'update' as operation, m.columns%16$s
                  from moved m join before b using (id, aggregate_kind, aggregate_id)
                union all
                select b.id, b.key, b.aggregate_kind, b.aggregate_id, 'delete', null%17$s
                  from moved m join before b using (id) where (m.aggregate_kind, m.aggregate_id) <> (b.aggregate_kind, b.aggregate_id)
                union all
                select m.id, m.key, m.aggregate_kind, m.aggregate_id, 'insert', null%18$s
                  from moved m join before b using (id) where (m.aggregate_kind, m.aggregate_id) <> (b.aggregate_kind, b.aggregate_id)
              )
              insert into changes (kind, key, operation, changed_columns, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id%11$s)
                select %2$L, l.key, l.operation, l.columns, s.kind, s.id, s.version, s.xid, %7$s%19$s
                  from logged l join aggregate_version s on s.kind = l.aggregate_kind and s.id = l.aggregate_id
                  order by l.id;
            end if;
            return null;
          end
          $body$
        $function$,
        tracked::text || '_changed', tracked::text, aggregate_kind, aggregate_id, resource_key, differences,
        $context$coalesce(nullif(current_setting('userd.caller', true), ''), 'sql'),
          nullif(current_setting('userd.acting_user_id', true), '')::bigint,
          nullif(current_setting('userd.request_id', true), '')$context$,
        -- One that this transaction has moved is not tried again: each try would lock its row anew.
        'select v.xid from aggregate_version v where v.kind = touched.kind and v.id = touched.id',
        format(differs, 'r', 'n'), format(differs, 'o', 'r'),
        further_columns,
        values_of_insert || further,
        values_of_delete || further,
        -- Of rows that move: values in their old and in their new place.
        case when audited <> '{}' then values_of_update || ' as changed' || values_of_insert || ' as inserted' else '' end
          || case when project is not null then further || ' as project_id' else '' end,
        case when audited <> '{}' then values_of_delete || ' as deleted' else '' end
          || case when project is not null then further || ' as project_id' else '' end,
        case when audited <> '{}' then ', m.changed' else '' end || case when project is not null then ', m.project_id' else '' end,
        case when audited <> '{}' then ', b.deleted' else '' end || case when project is not null then ', b.project_id' else '' end,
        case when audited <> '{}' then ', m.inserted' else '' end || case when project is not null then ', m.project_id' else '' end,
        case when audited <> '{}' then ', l.changed' else '' end || case when project is not null then ', l.project_id' else '' end,
        values_of_update || further);
    end
    $track$`,

  `create function track_changes(tracked regclass, aggregate_kind text, aggregate_id text, resource_key text,
    derived text[] default '{id,version,update_time}', untracked text[] default '{}',
    audited text[] default '{}', project text default null) returns void
    language plpgsql
    as $track$
    begin
      perform write_tracking_function(tracked, aggregate_kind, aggregate_id, resource_key, derived, untracked, audited, project);
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
