import { sql } from "kysely";
import { usernameFault } from "../../names/precis.ts";
import { addressFault } from "../../names/rules.ts";
import { users } from "../readers/user-staging.ts";
import type { ImportTx } from "../transaction.ts";
import { skip } from "./rows.ts";

/**
 * Notes usernames that CreateUser would refuse (names/precis.ts). They stay: their owners sign in by them. Those that are
 * plain are not even read.
 */
const noteUnusual = async (tx: ImportTx): Promise<void> => {
  const { rows } = await sql<{ model: string; record: bigint; pk: bigint; username: string }>`
    select model, record, pk, username from import_user where username ~ '[^!-~]'`.execute(tx.sql, tx.abort);
  const unusual = rows.filter(({ username }) => usernameFault(username) !== undefined && addressFault(username) !== undefined);
  if (unusual.length === 0) return;
  await sql`
    insert into import_note (model, record, pk, reason, about)
    select model, record::bigint, pk::bigint, 'kept: CreateUser would refuse the username (docs/names.md)', 'user ' || pk
    from unnest(${unusual.map(({ model }) => model)}::text[], ${unusual.map(({ record }) => String(record))}::text[],
      ${unusual.map(({ pk }) => String(pk))}::text[]) as t (model, record, pk)`.execute(tx.sql, tx.abort);
};

/**
 * Usernames are unique without regard to case, and files hold some that differ only in case. One record keeps the name:
 * the one that bears it here already, else the one with the lowest pk. The others get the first free suffix (`ann-2`), or
 * the one that an earlier import gave them.
 */
export const settleUsernames = async (tx: ImportTx): Promise<void> => {
  await sql`
    with placed as (
      select i.ctid as place, i.*, row_number() over same_name as position, first_value(i.pk) over same_name as keeper
      from import_user i left join users u on u.id = i.pk and u.username_handle = i.username_handle
      window same_name as (partition by i.username_handle order by (u.id is null), i.pk)
    ), suffixed as (
      select p.*, coalesce(
        (select substr(u.username_handle, length(p.username_handle) + 1) from users u
          where u.id = p.pk and starts_with(u.username_handle, p.username_handle)
            and substr(u.username_handle, length(p.username_handle) + 1) ~ '^-[0-9]{1,9}$'),
        (select '-' || n from generate_series(2, p.position + (
            -- '.' follows '-': these are the names that begin with this one and a hyphen.
            select count(*) from (
              select username_handle as name from users union all select username_handle from import_user
            ) taken where name >= p.username_handle || '-' and name < p.username_handle || '.')) n
          where not exists (select from import_user t where t.username_handle = p.username_handle || '-' || n)
            and not exists (select from users t where t.username_handle = p.username_handle || '-' || n)
          order by n offset p.position - 2 limit 1)) as suffix
      from placed p where p.position > 1
    ), renamed as (
      update import_user i set username = i.username || s.suffix, username_handle = i.username_handle || s.suffix
      from suffixed s where i.ctid = s.place
      returning i.model, i.record, i.pk, s.suffix, s.keeper
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'renamed: the username differs only in case from another one of the file',
      format('user %s got the suffix %s, since user %s has the name', pk, suffix, keeper)
    from renamed`.execute(tx.sql, tx.abort);
  await noteUnusual(tx);
  await skip(tx, users, "its username differs only in case from another one, and is too long for a suffix", "length(t.username) > 128");
};
