const isLocked = `exists (select from scope_option l where l.scope_kind = 0 and l.scope_id = 0 and l.key = o.key and l.locked)
                or o.scope_kind > 0
                  and exists (select from scope_option l where l.scope_kind = o.scope_kind and l.scope_id = o.scope_id and l.key = o.key and l.locked)`;

/**
 * The SQL statement that creates the function which is all of several SetOptions of one caller at once, each of another user. It does for each what
 * `store_option` does, by one statement for all, and leaves out whom it can't do so for: users whose lock somebody has, since it waits for none, and
 * those that are deleted; options that are new, or the same already; scopes that are being removed; values that would exceed the quota of bytes.
 *
 * What it saw of an option counts only if the same row is still there, which the UPDATE finds by its place and its writer, since who writes plain SQL
 * takes no lock of the user. For such a writer it waits a tenth of a second at most.
 *
 * Its plan is kept for many calls, and may be made while the tables have no statistics: so each part begins with the few options that are wanted, whatever
 * the planner thinks of the sizes of tables.
 *
 * The answer is a line for each option that it has stored: its position among the arguments, and the words of the answer of `store_option`.
 */
const definition = `create function store_options_of_users(
      caller text, request_ids text[], reasons text[], users_of bigint[], kinds smallint[], scopes bigint[], names text[],
      contents text[], expiries timestamptz[], most_bytes bigint)
    returns text
    language plpgsql
    as $$
    declare
      done text;
      epoch text;
      locked bigint[];
      answer text;
      eighths bigint[];
    begin
      done := set_config('lock_timeout', '100', true) || set_config('plan_cache_mode', 'force_generic_plan', true)
        || set_config('userd.logged', 'user_option', true) /* guard */;
      epoch := coalesce(nullif(current_setting('userd.epoch', true), ''), set_config('userd.epoch', current_epoch(), false));
      locked := array(select s.id from aggregate_version s where s.kind = 'user' and s.id = any(users_of) for update skip locked);
      -- Only now, since what is read by the statement that locks may have changed before the lock was had.
      with wanted as materialized (
          select w.position, w.request_id, w.reason, w.content, w.expiry, x.*, m.moment
            from (
                select position, request_id, reason, user_id, kind, scope, key, content::jsonb as content, expiry
                  from unnest(request_ids, reasons, users_of, kinds, scopes, names, contents, expiries)
                    with ordinality as a (request_id, reason, user_id, kind, scope, key, content, expiry, position)
                  where a.user_id = any(locked)
                  offset 0
              ) w
              cross join lateral (
                select x.id, x.ctid as place, x.xmin as writer, x.value, x.bytes, x.create_time, x.expire_time,
                    (x.expire_time is null or x.expire_time > clock_timestamp()) as is_alive
                  from user_option x where x.user_id = w.user_id and x.scope_kind = w.kind and x.scope_id = w.scope and x.key = w.key
                  offset 0
              ) x,
              (select clock_timestamp()::timestamptz(3) as moment offset 0) m
            where (select u.delete_time is null from users u where u.id = w.user_id)
              and (w.kind = 0 or not exists (select from purged_scope d where d.scope_kind = w.kind and d.scope_id = w.scope offset 0))
              and (octet_length(w.content::text) <= x.bytes
                or (select sum(y.bytes) from user_option y where y.user_id = w.user_id) + octet_length(w.content::text) - x.bytes <= most_bytes)
        ), stored as (
          update user_option o
            set value = b.content, expire_time = b.expiry, update_time = b.moment, version = o.version + 1,
              create_time = case when b.is_alive then o.create_time else b.moment end
            from wanted b
            where o.id = b.id and o.ctid = b.place and o.xmin = b.writer
              and (not b.is_alive or b.value is distinct from b.content or b.expire_time is distinct from b.expiry)
            returning b.position, b.request_id, b.reason, o.user_id, o.scope_kind, o.scope_id, o.key, o.value, o.expire_time, o.id, o.version, o.bytes,
              o.create_time, b.moment, o.bytes - b.bytes as grown_by, not b.is_alive as was_expired,
              ${isLocked}
                as is_locked,
              array_remove(array[
                case when b.value is distinct from b.content then 'value' end, case when o.create_time <> b.create_time then 'create_time' end,
                case when b.expire_time is distinct from b.expiry then 'expire_time' end], null) as changed
        ), raised as (
          update aggregate_version s set version = s.version + 1, xid = pg_current_xact_id(), told_xid = pg_current_xact_id()
            from stored o where s.kind = 'user' and s.id = o.user_id returning o.position, s.version
        ), logged as (
          insert into changes (kind, key, operation, changed_columns, aggregate_kind, aggregate_id, version, xid, caller, request_id, reason)
            select 'user_option', concat_ws('/', o.scope_kind, o.scope_id, o.key), 'update', o.changed, 'user', o.user_id, r.version, pg_current_xact_id(),
                caller, nullif(o.request_id, ''), nullif(o.reason, '')
              from stored o join raised r using (position) order by position
        ), kept as (
          insert into option_revision (user_id, scope_kind, scope_id, key, value, expire_time, caller)
            select o.user_id, o.scope_kind, o.scope_id, o.key, o.value, o.expire_time, caller from stored o order by o.position
        )
        select string_agg(concat_ws(' ', position, epoch, r.version, o.id, o.version, o.bytes, date_part('epoch', o.create_time) * 1000,
            date_part('epoch', o.moment) * 1000, o.is_locked, o.grown_by, o.was_expired), E'\\n'),
            array_agg(position) filter (where o.version % 8 = 0)
          into answer, eighths
          from stored o join raised r using (position);
      done := set_config('userd.logged', '', true);
      if eighths is not null then
        with outdated as materialized (
            select w.user_id, w.kind, w.scope, w.key, l.id
              from unnest(users_of, kinds, scopes, names) with ordinality as w (user_id, kind, scope, key, position)
                cross join lateral (
                  select x.id from option_revision x
                    where x.user_id = w.user_id and x.scope_kind = w.kind and x.scope_id = w.scope and x.key = w.key
                    order by x.id desc offset 20
                ) l
              where w.position = any(eighths)
          )
          delete from option_revision r using outdated o
            where r.user_id = o.user_id and r.scope_kind = o.kind and r.scope_id = o.scope and r.key = o.key and r.id = o.id;
      end if;
      return coalesce(answer, '');
    end $$`;

/** The SQL statement that creates the function as the server can have it, as that of `store_option` is created. */
export const storingOptionsOfUsers = `do $migrate$ begin
    execute replace($function$${definition}$function$, '/* guard */',
      case when current_setting('transaction_timeout', true) is null or version() like '%emscripten%' then ''
        else '|| set_config(''transaction_timeout'', ''65000'', true)' end);
  end $migrate$`;
