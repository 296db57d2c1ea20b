/** Makes the SQL that raises the versions of the users of changed members, and logs the changes; `touched` selects them. */
const move = (touched: string): string => `
      insert into aggregate_version as s (kind, id, version, xid, told_xid)
        select 'user', user_id, 1, pg_current_xact_id(), pg_current_xact_id() from (select distinct user_id from (${touched}) t) users
        where (select v.xid from aggregate_version v where v.kind = 'user' and v.id = user_id) is distinct from pg_current_xact_id()
        order by user_id
        on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid, told_xid = excluded.xid
          where s.xid <> excluded.xid;
      insert into changes (kind, key, operation, changed_columns, aggregate_kind, aggregate_id, version, xid, caller, acting_user_id, request_id, changed)
        select 'organization_member', t.id, t.operation, t.columns, s.kind, s.id, s.version, s.xid,
          coalesce(nullif(current_setting('userd.caller', true), ''), 'sql'),
          nullif(current_setting('userd.acting_user_id', true), '')::bigint,
          nullif(current_setting('userd.request_id', true), ''), t.changed
        from (${touched}) t join aggregate_version s on s.kind = 'user' and s.id = t.user_id
        order by t.id;`;

const ofAll = (rows: string, operation: string): string =>
  `select id, user_id, '${operation}' as operation, null::text[] as columns,
            jsonb_build_object('role', ${operation === "insert" ? "jsonb_build_array(null, role)" : "jsonb_build_array(role, null)"}) as changed
          from ${rows} where user_id is not null`;

/** The SQL statement that makes the trigger of members anew, which logs a change of a membership for its user: with the role. */
export const membersWithValues = `create or replace function organization_member_of_user_changed() returns trigger
    language plpgsql
    as $$
    begin
      if tg_op = 'INSERT' then
        if not exists (select from new_rows where user_id is not null) then return null; end if;${move(ofAll("new_rows", "insert"))}
      elsif tg_op = 'DELETE' then
        if not exists (select from old_rows where user_id is not null) then return null; end if;${move(ofAll("old_rows", "delete"))}
      else
        if not exists (select from new_rows n join old_rows o using (id) where n is distinct from o) then return null; end if;${move(`
          select id, n.user_id,
              case when o.user_id is not distinct from n.user_id then 'update' else 'insert' end as operation,
              case when o.user_id is not distinct from n.user_id then array_remove(array[
                case when o.organization_id is distinct from n.organization_id then 'organization_id' end,
                case when o.role is distinct from n.role then 'role' end,
                case when o.flags is distinct from n.flags then 'flags' end,
                case when o.create_time is distinct from n.create_time then 'create_time' end], null) end as columns,
              case when o.user_id is distinct from n.user_id then jsonb_build_object('role', jsonb_build_array(null, n.role))
                when o.role is distinct from n.role then jsonb_build_object('role', jsonb_build_array(o.role, n.role)) end as changed
            from new_rows n join old_rows o using (id) where n is distinct from o and n.user_id is not null
          union all
          select id, o.user_id, 'delete', null, jsonb_build_object('role', jsonb_build_array(o.role, null))
            from old_rows o join new_rows n using (id) where o.user_id is distinct from n.user_id and o.user_id is not null`)}
      end if;
      return null;
    end $$`;
