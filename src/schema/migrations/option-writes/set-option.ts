const now = "clock_timestamp()::timestamptz(3)";

/** The condition that an option has not expired. */
const isAlive = (option: string): string => `(${option}.expire_time is null or ${option}.expire_time > clock_timestamp())`;

/** The condition that the user and the scope can be written: a scope that is not locked is asked whether its options are being removed. */
const isOpen = `u.id = for_user and u.delete_time is null and (are_scopes_registered or for_kind = 0
            or not exists (select from purged_scope d where d.scope_kind = for_kind and d.scope_id = for_scope))`;

/** Tells whether a locked scope option hides the option. */
const isLocked = `exists (select from scope_option l
              where l.key = for_key and l.locked and (l.scope_kind = 0 or (l.scope_kind = for_kind and l.scope_id = for_scope)))`;

const isOption = (alias: string): string =>
  `${alias}.user_id = for_user and ${alias}.scope_kind = for_kind and ${alias}.scope_id = for_scope and ${alias}.key = for_key`;

/**
 * The SQL statement that creates the function which is all of SetOption between BEGIN and COMMIT: it says who writes, locks the user, stores one
 * option, and answers with the epoch, the user's version and the option. Each of its statements sees what was committed before the lock was had. An
 * answer without an option says that nothing was stored: the same is stored already, or the user or the scope can't be written.
 *
 * An option that is there is changed by an UPDATE, since an INSERT … ON CONFLICT calls the triggers of both; and what it changes is logged here, since
 * the tables of old and new rows and the general functions of the triggers cost as much as the log itself. PL/pgSQL prepares each expression anew in each
 * transaction: there are few of them, and they do much.
 */
export const settingOption = `create function set_option(
      caller text, acting_user_id text, request_id text, reason text, time_left text, for_user bigint, for_kind smallint, for_scope bigint, for_key text,
      content jsonb, expiry timestamptz, are_scopes_registered boolean)
    returns json
    language plpgsql
    as $$
    declare
      done text;
      epoch text;
      is_open boolean := true;
      stored record;
      version_now bigint;
      used_options int := 0;
      used_bytes float8 := 0;
    begin
      done := set_config('userd.caller', caller, true) || set_config('userd.request_id', request_id, true)
        || set_config('userd.acting_user_id', acting_user_id, true) || set_config('userd.reason', reason, true)
        || set_config('lock_timeout', time_left, true) || set_config('userd.logged', 'user_option', true);
      epoch := coalesce(nullif(current_setting('userd.epoch', true), ''), set_config('userd.epoch', current_epoch(), false));
      perform from aggregate_version s where s.kind = 'user' and s.id = for_user for update;
      if not found then perform lock_aggregates(array['user'], array[for_user]); end if;

      -- Locked, so that a deletion waits for the write, or the write for the deletion.
      if are_scopes_registered and for_kind > 0 then
        if for_kind = 1 then
          perform from organization g where g.id = for_scope and g.delete_time is null for share;
        else
          perform from project p join organization g on g.id = p.organization_id
            where p.id = for_scope and p.delete_time is null and g.delete_time is null for share;
        end if;
        is_open := found;
      end if;

      if is_open then
        update user_option o
          set value = content, expire_time = expiry, update_time = b.moment, version = o.version + 1,
            create_time = case when b.is_alive then o.create_time else b.moment end
          from (
            select x.id, x.value, x.bytes, x.create_time, x.expire_time, ${now} as moment, ${isAlive("x")} as is_alive
              from user_option x where ${isOption("x")}
          ) b, users u
          where o.id = b.id and (not b.is_alive or (o.value, o.expire_time) is distinct from (content, expiry)) and ${isOpen}
          returning o.id, o.value, o.bytes, o.version, o.create_time, o.update_time, false as added, o.bytes - b.bytes as grown_by,
            not b.is_alive as created, ${isLocked} as is_locked, array_remove(array[
              case when o.value is distinct from b.value then 'value' end, case when o.create_time <> b.create_time then 'create_time' end,
              case when o.expire_time is distinct from b.expire_time then 'expire_time' end], null) as changed
          into stored;
        if found then
          -- A version is raised once in a transaction.
          update aggregate_version s
            set version = s.version + (s.xid <> pg_current_xact_id())::int, xid = pg_current_xact_id(), told_xid = pg_current_xact_id()
            where s.kind = 'user' and s.id = for_user returning s.version into version_now;
          insert into changes (kind, key, operation, changed_columns, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id)
            values ('user_option', concat_ws('/', for_kind, for_scope, for_key), 'update', stored.changed, 'user', for_user, version_now,
              pg_current_xact_id(), caller, nullif(acting_user_id, '')::bigint, nullif(request_id, ''));
          insert into option_revision (user_id, scope_kind, scope_id, key, value, expire_time, caller, acting_user_id)
            values (for_user, for_kind, for_scope, for_key, stored.value, expiry, caller, nullif(acting_user_id, '')::bigint);
          delete from option_revision r
            where ${isOption("r")}
              and r.id <= (select l.id from option_revision l where ${isOption("l")} order by l.id desc offset 20 limit 1);
        else
          done := set_config('userd.logged', '', true);
          perform from user_option x where ${isOption("x")};
          is_open := not found;
        end if;
        if is_open and version_now is null then
          -- What is there now was written by somebody without the lock.
          insert into user_option as o (user_id, scope_kind, scope_id, key, value, expire_time, create_time, update_time)
            select u.id, for_kind, for_scope, for_key, content, expiry, m.moment, m.moment from users u, (select ${now} as moment offset 0) m
              where ${isOpen}
            on conflict (user_id, scope_kind, scope_id, key) do update
              set value = content, expire_time = expiry, update_time = excluded.update_time, version = o.version + 1,
                create_time = case when ${isAlive("o")} then o.create_time else excluded.create_time end
              where not ${isAlive("o")} or (o.value, o.expire_time) is distinct from (content, expiry)
            returning o.id, o.value, o.bytes, o.version, o.create_time, o.update_time, true as added, o.bytes as grown_by, true as created,
              ${isLocked} as is_locked, null::text[] as changed
            into stored;
          is_open := found;
        end if;
      end if;
      if version_now is null then
        select s.version into version_now from aggregate_version s where s.kind = 'user' and s.id = for_user;
      end if;
      if not is_open then
        return json_build_object('epoch', epoch, 'versions', json_build_array(version_now::text), 'logged', set_config('userd.logged', '', true));
      end if;

      -- What the user had before, if it has more now.
      if stored.added or stored.grown_by > 0 then
        select count(*)::int - stored.added::int, sum(o.bytes) - stored.grown_by into used_options, used_bytes
          from user_option o where o.user_id = for_user;
      end if;
      return json_build_object('epoch', epoch, 'versions', json_build_array(version_now::text), 'option', json_build_array(
        stored.id::text, stored.value, stored.bytes, stored.version, (date_part('epoch', stored.create_time) * 1000)::bigint,
        (date_part('epoch', stored.update_time) * 1000)::bigint, stored.is_locked, stored.added, stored.grown_by, stored.created,
        used_options, used_bytes, set_config('userd.logged', '', true)));
    end $$`;
