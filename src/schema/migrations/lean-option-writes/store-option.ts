const isAlive = (option: string): string => `(${option}.expire_time is null or ${option}.expire_time > clock_timestamp())`;

const isOption = (alias: string): string =>
  `${alias}.user_id = for_user and ${alias}.scope_kind = for_kind and ${alias}.scope_id = for_scope and ${alias}.key = for_key`;

const lockedIn = (kind: string, id: string): string =>
  `exists (select from scope_option l where l.scope_kind = ${kind} and l.scope_id = ${id} and l.key = for_key and l.locked)`;

/**
 * The SQL statement that creates the function which changes an option that is there, and does all else that SetOption has to do. Anything else it
 * leaves to `set_option` of the migration before, whose answer it returns: JSON, which begins with a brace.
 *
 * The version is raised first, and that is the lock: nobody else may be at the option until the commit. What was seen of the option before the lock
 * counts only if the same row is still there afterwards, which the UPDATE finds by its place. If it is not, the version is put back, unseen by anybody.
 *
 * The answer is one text: epoch, version, id, version and bytes of the option, the milliseconds of its two times, whether a locked scope option hides it,
 * by how many bytes it has grown, whether it had expired, and, if it has grown, the options and bytes that the user had. JSON would take longer than
 * any of the statements, and a row of columns as long.
 *
 * Old revisions are removed at each eighth write. Until then there are a few more than 20, which no reader asks for.
 *
 * While the answer is looked at, PostgreSQL waits for the next message of the same transaction, which no timeout bounds but, from version 17 on,
 * that of the transaction: 65 s, as for one that is idle. The embedded database has no such clock.
 */
const definition = `create function store_option(
      caller text, acting_user_id text, request_id text, reason text, time_left text, for_user bigint, for_kind smallint, for_scope bigint, for_key text,
      content jsonb, expiry timestamptz, are_scopes_registered boolean)
    returns text
    language plpgsql
    as $$
    declare
      done text;
      is_closed boolean := false;
      is_hidden boolean := false;
      seen record;
      raised record;
      stored record;
      used record;
    begin
      select x.ctid as place, x.xmin as writer, x.id, x.bytes, x.create_time, x.value is distinct from content as has_value,
          x.expire_time is distinct from expiry as has_expiry
        into seen from user_option x
        where ${isOption("x")} and (for_kind = 0 or not are_scopes_registered)
          and (x.value is distinct from content or x.expire_time is distinct from expiry or not ${isAlive("x")});
      if found then
        done := set_config('lock_timeout', time_left, true) || set_config('userd.logged', 'user_option', true) /* guard */;
        update aggregate_version s set version = s.version + 1, xid = pg_current_xact_id(), told_xid = pg_current_xact_id()
          where s.kind = 'user' and s.id = for_user and s.xid <> pg_current_xact_id()
          returning s.version, clock_timestamp()::timestamptz(3) as moment,
            coalesce(nullif(current_setting('userd.epoch', true), ''), set_config('userd.epoch', current_epoch(), false)) as epoch
          into raised;
      end if;
      -- Without a row of its version, or in a transaction that has raised it before, the user is for the general function.
      if not found then
        return set_option(caller, acting_user_id, request_id, reason, time_left, for_user, for_kind, for_scope, for_key, content, expiry, are_scopes_registered)::text;
      end if;

      if for_kind > 0 then
        select exists (select from purged_scope d where d.scope_kind = for_kind and d.scope_id = for_scope), ${lockedIn("for_kind", "for_scope")}
          into is_closed, is_hidden;
      end if;
      update user_option o
        set value = content, expire_time = expiry, update_time = raised.moment, version = o.version + 1,
          create_time = case when ${isAlive("o")} then o.create_time else raised.moment end
        where o.ctid = seen.place and o.xmin = seen.writer and o.id = seen.id
          and not is_closed and exists (select from users u where u.id = for_user and u.delete_time is null)
        returning o.version, o.bytes, o.create_time, o.bytes - seen.bytes as grown_by, o.create_time <> seen.create_time as was_expired,
          is_hidden or ${lockedIn("0", "0")} as is_locked
        into stored;
      if not found then
        update aggregate_version s set version = s.version - 1, xid = '0', told_xid = '0' where s.kind = 'user' and s.id = for_user;
        return set_option(caller, acting_user_id, request_id, reason, time_left, for_user, for_kind, for_scope, for_key, content, expiry, are_scopes_registered)::text;
      end if;
      insert into changes (kind, key, operation, changed_columns, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id, reason)
        values ('user_option', concat_ws('/', for_kind, for_scope, for_key), 'update',
          array_remove(array[
            case when seen.has_value then 'value' end, case when stored.was_expired then 'create_time' end, case when seen.has_expiry then 'expire_time' end
          ], null),
          'user', for_user, raised.version, pg_current_xact_id(), caller, nullif(acting_user_id, '')::bigint, nullif(request_id, ''), nullif(reason, ''));
      insert into option_revision (user_id, scope_kind, scope_id, key, value, expire_time, caller, acting_user_id)
        values (for_user, for_kind, for_scope, for_key, content, expiry, caller, nullif(acting_user_id, '')::bigint);
      if stored.version % 8 = 0 then
        delete from option_revision r
          where ${isOption("r")}
            and r.id <= (select l.id from option_revision l where ${isOption("l")} order by l.id desc offset 20 limit 1);
      end if;
      -- What the user had before, if it has more now.
      if stored.grown_by > 0 then
        select count(*)::int as options, sum(o.bytes) - stored.grown_by as bytes into used from user_option o where o.user_id = for_user;
        return concat_ws(' ', raised.epoch, raised.version, seen.id, stored.version, stored.bytes, date_part('epoch', stored.create_time) * 1000,
          date_part('epoch', raised.moment) * 1000, stored.is_locked, stored.grown_by, stored.was_expired, set_config('userd.logged', '', true) || used.options, used.bytes);
      end if;
      return concat_ws(' ', raised.epoch, raised.version, seen.id, stored.version, stored.bytes, date_part('epoch', stored.create_time) * 1000,
        date_part('epoch', raised.moment) * 1000, stored.is_locked, stored.grown_by, stored.was_expired) || set_config('userd.logged', '', true);
    end $$`;

/** The SQL statement that creates the function as the server can have it. */
export const storingOption = `do $migrate$ begin
    execute replace($function$${definition}$function$, '/* guard */',
      case when current_setting('transaction_timeout', true) is null or version() like '%emscripten%' then ''
        else '|| set_config(''transaction_timeout'', ''65000'', true)' end);
  end $migrate$`;
