const isAlive = "(x.expire_time is null or x.expire_time > clock_timestamp())";

/**
 * The SQL statement that creates the function which changes those of some options of a user that are there and are to be another value. Options that are
 * new or equal it leaves alone, for the general statement. The user is locked already, and the scopes are registered by nobody or global.
 *
 * It logs itself what it changes, by one statement for all: the triggers would sort and join the tables of old and new rows, twice.
 *
 * The answer is one text. Its first line has the options and bytes that the user had before; each other line is an option: its position among the
 * arguments, id, version, bytes, the milliseconds of its two times, whether a locked scope option hides it, by how many bytes it has grown, and
 * whether it had expired. Old revisions are removed when one of the options has its eighth write, as by `store_option`: they are looked for
 * once for each option, and not for each of its revisions, whatever the planner knows of the table.
 */
export const storingOptions = `create or replace function store_options(
      caller text, acting_user_id text, request_id text, reason text, for_user bigint, kinds smallint[], scopes bigint[], names text[],
      contents text[], expiries timestamptz[])
    returns text
    language plpgsql
    as $$
    declare
      done text;
      answer text;
      is_eighth boolean;
    begin
      done := set_config('userd.logged', 'user_option', true);
      with stored as (
          update user_option o
            set value = b.content, expire_time = b.expiry, update_time = b.moment, version = o.version + 1,
              create_time = case when b.is_alive then o.create_time else b.moment end
            from (
              select w.position, w.content::jsonb as content, w.expiry, x.id, x.value, x.bytes, x.create_time, x.expire_time, ${isAlive} as is_alive,
                  m.moment
                from unnest(kinds, scopes, names, contents, expiries) with ordinality as w (kind, scope, key, content, expiry, position)
                  join user_option x on x.user_id = for_user and x.scope_kind = w.kind and x.scope_id = w.scope and x.key = w.key,
                  (select clock_timestamp()::timestamptz(3) as moment offset 0) m
                where w.kind = 0 or not exists (select from purged_scope d where d.scope_kind = w.kind and d.scope_id = w.scope)
            ) b
            where o.id = b.id and (not b.is_alive or (o.value, o.expire_time) is distinct from (b.content, b.expiry))
              and exists (select from users u where u.id = for_user and u.delete_time is null)
            returning b.position, o.id, o.scope_kind, o.scope_id, o.key, o.value, o.expire_time, o.version, o.bytes, o.create_time, o.update_time,
              o.bytes - b.bytes as grown_by, not b.is_alive as was_expired,
              exists (select from scope_option l where l.scope_kind = 0 and l.scope_id = 0 and l.key = o.key and l.locked)
                or o.scope_kind > 0
                  and exists (select from scope_option l where l.scope_kind = o.scope_kind and l.scope_id = o.scope_id and l.key = o.key and l.locked)
                as is_locked,
              array_remove(array[
                case when o.value is distinct from b.value then 'value' end, case when o.create_time <> b.create_time then 'create_time' end,
                case when o.expire_time is distinct from b.expire_time then 'expire_time' end], null) as changed
        ), raised as (
          -- A version is raised once in a transaction, and only if something has changed.
          update aggregate_version s
            set version = s.version + (s.xid <> pg_current_xact_id())::int, xid = pg_current_xact_id(), told_xid = pg_current_xact_id()
            where s.kind = 'user' and s.id = for_user and exists (select from stored) returning s.version
        ), logged as (
          insert into changes (kind, key, operation, changed_columns, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id, reason)
            select 'user_option', concat_ws('/', o.scope_kind, o.scope_id, o.key), 'update', o.changed, 'user', for_user, r.version, pg_current_xact_id(),
                caller, nullif(acting_user_id, '')::bigint, nullif(request_id, ''), nullif(reason, '')
              from stored o, raised r order by o.position
        ), kept as (
          insert into option_revision (user_id, scope_kind, scope_id, key, value, expire_time, caller, acting_user_id)
            select for_user, o.scope_kind, o.scope_id, o.key, o.value, o.expire_time, caller, nullif(acting_user_id, '')::bigint
              from stored o order by o.position
        )
        select concat_ws(' ', u.options, u.bytes) || coalesce(s.lines, ''), s.is_eighth into answer, is_eighth
          from (select count(*) as options, coalesce(sum(x.bytes), 0) as bytes from user_option x where x.user_id = for_user) u,
            (select string_agg(concat_ws(' ', E'\\n' || o.position, o.id, o.version, o.bytes, date_part('epoch', o.create_time) * 1000,
                date_part('epoch', o.update_time) * 1000, o.is_locked, o.grown_by, o.was_expired), '') as lines, bool_or(o.version % 8 = 0) as is_eighth
              from stored o) s;
      done := set_config('userd.logged', '', true);
      if is_eighth then
        with outdated as materialized (
            select w.kind, w.scope, w.key, l.id
              from unnest(kinds, scopes, names) as w (kind, scope, key)
                cross join lateral (
                  select x.id from option_revision x
                    where x.user_id = for_user and x.scope_kind = w.kind and x.scope_id = w.scope and x.key = w.key
                    order by x.id desc offset 20
                ) l
          )
          delete from option_revision r using outdated o
            where r.user_id = for_user and r.scope_kind = o.kind and r.scope_id = o.scope and r.key = o.key and r.id = o.id;
      end if;
      return answer;
    end $$`;
