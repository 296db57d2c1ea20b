/** The transition tables of each event; a trigger with such tables has one event. */
const events = [
  ["insert", "new table as new_rows"],
  ["update", "old table as old_rows new table as new_rows"],
  ["delete", "old table as old_rows"],
] as const;

/**
 * The SQL statements that create the triggers which raise an account's version when a profile of the account changes, or when a user of the
 * account changes in a flag that decides who the account's admins are. So an answer about an account depends on the version of the account,
 * not on the versions of its users. Account 0 stands for the platform account: the version of account 0 rises with each such change of the
 * platform account, and when another account becomes the platform account.
 */
export const movedAccounts = [
  `create function move_accounts(ids bigint[]) returns void
    language sql
    as $$
      insert into aggregate_version as s (kind, id, version, xid)
        select 'account', id, 1, pg_current_xact_id() from (
          select id from unnest(ids) as t (id)
          union
          select 0::bigint from account where is_platform and id = any(ids)
        ) moved order by id
      on conflict (kind, id) do update set version = s.version + 1, xid = excluded.xid
        where s.xid <> excluded.xid
    $$`,

  `create function move_accounts_of_profiles() returns trigger
    language plpgsql
    as $$
    begin
      if tg_op = 'INSERT' then
        perform move_accounts(array(select account_id from new_rows));
      elsif tg_op = 'DELETE' then
        perform move_accounts(array(select account_id from old_rows));
      else
        perform move_accounts(array(
          select unnest(array[o.account_id, n.account_id]) from new_rows n join old_rows o using (id) where o is distinct from n));
      end if;
      return null;
    end $$`,
  ...events.map(
    ([event, tables]) => `create trigger user_profile_accounts_on_${event} after ${event} on user_profile
      referencing ${tables} for each statement execute function move_accounts_of_profiles()`,
  ),

  `create function move_accounts_of_users() returns trigger
    language plpgsql
    as $$
    declare
      ids bigint[] := array(
        select p.account_id from new_rows n join old_rows o using (id) join user_profile p on p.user_id = n.id
          where (n.is_staff, n.is_superuser, n.is_active, n.is_suspended, n.delete_time is null)
            is distinct from (o.is_staff, o.is_superuser, o.is_active, o.is_suspended, o.delete_time is null));
    begin
      if ids <> '{}' then perform move_accounts(ids); end if;
      return null;
    end $$`,
  `create trigger users_accounts_on_update after update on users
    referencing old table as old_rows new table as new_rows for each statement execute function move_accounts_of_users()`,

  `create function move_platform() returns trigger
    language plpgsql
    as $$
    begin
      if tg_op = 'INSERT' then
        perform move_accounts(array(select 0::bigint from new_rows where is_platform limit 1));
      elsif tg_op = 'DELETE' then
        perform move_accounts(array(select 0::bigint from old_rows where is_platform limit 1));
      else
        perform move_accounts(array(
          select 0::bigint from new_rows n join old_rows o using (id) where n.is_platform <> o.is_platform limit 1));
      end if;
      return null;
    end $$`,
  ...events.map(
    ([event, tables]) => `create trigger account_platform_on_${event} after ${event} on account
      referencing ${tables} for each statement execute function move_platform()`,
  ),
];
