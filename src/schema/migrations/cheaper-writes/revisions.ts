/** The SQL statements that replace the function which keeps the last 20 writes of each option. A statement mostly writes one. */
export const revisions = [
  `create or replace function keep_option_revisions() returns trigger
    language plpgsql
    as $$
    declare
      one record;
    begin
      select user_id, scope_kind, scope_id, key, value, expire_time, (select count(*) from (select from written limit 2) few) as total
        into one from written limit 1;
      if not found then return null; end if;
      case one.total
        when 1 then
          insert into option_revision (user_id, scope_kind, scope_id, key, value, expire_time, caller, acting_user_id)
            values (one.user_id, one.scope_kind, one.scope_id, one.key,
              case when tg_op <> 'DELETE' then one.value end, case when tg_op <> 'DELETE' then one.expire_time end,
              coalesce(nullif(current_setting('userd.caller', true), ''), 'sql'),
              nullif(current_setting('userd.acting_user_id', true), '')::bigint);
          delete from option_revision r
            where r.user_id = one.user_id and r.scope_kind = one.scope_kind and r.scope_id = one.scope_id and r.key = one.key
              and r.id <= (
                select o.id from option_revision o
                where o.user_id = one.user_id and o.scope_kind = one.scope_kind and o.scope_id = one.scope_id and o.key = one.key
                order by o.id desc offset 20 limit 1);
          return null;
        else null;
      end case;
      insert into option_revision (user_id, scope_kind, scope_id, key, value, expire_time, caller, acting_user_id)
        select user_id, scope_kind, scope_id, key,
          case when tg_op <> 'DELETE' then value end, case when tg_op <> 'DELETE' then expire_time end,
          coalesce(nullif(current_setting('userd.caller', true), ''), 'sql'),
          nullif(current_setting('userd.acting_user_id', true), '')::bigint
        from written;
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
    end $$`,
];
