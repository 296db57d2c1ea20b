import { sql } from "kysely";
import { accountContacts, accounts, profiles } from "../readers/account-staging.ts";
import { addGiven, isGiven, type StagingTable } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { conflicts } from "./conflict-table.ts";
import { resolveUsers } from "./references.ts";
import { mergeRows } from "./rows.ts";
import { skip, skipRepeated } from "./skip.ts";
import type { Target } from "./target.ts";

const metadata = {
  name: "''",
  description: "''",
  semver: "'1.0.0'",
  annotations: "'[]'",
  tags: "'{}'",
  tags_canonical: "'{}'",
  create_time: "now()",
  update_time: "now()",
} as const;
const stamps = { version: "t.version + 1" } as const;

const account: Target = { staging: accounts, key: ["number"], columns: { is_default: "false", ...metadata }, stamps };

const profile: Target = {
  staging: profiles,
  key: ["user_id", "account_id"],
  columns: { profile_image_url: "''", is_test: "false", ...metadata },
  stamps,
};

const contact: Target = {
  staging: accountContacts,
  key: ["account_id", "email_canonical"],
  columns: { email: "null", name: "''", is_primary: "false", create_time: "now()" },
};

/** Lists as conflicts the accounts of the file whose id or number belongs to another account in the database. */
export const findAccountConflicts = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, accounts)) return;
  const found = await tx.affected(sql`insert into import_conflict (model, record, pk, kind, name, name_here, id_here)
    select i.model, i.record, i.pk, 'account', i.number, by_id.number, by_number.id
    from import_account i left join account by_id on by_id.id = i.pk left join account by_number on by_number.number = i.number
    where by_id.id is distinct from by_number.id and not exists (
      select from import_origin o where o.kind = 'account' and o.pk = i.pk and o.id = by_number.id)`);
  addGiven(tx, conflicts, found);
};

/** Skips accounts that conflict; with `remap` and `merge` only those whose number is taken here: the others get other ids. */
const settleConflicts = async (tx: ImportTx): Promise<void> => {
  const which = tx.onConflict === "skip" ? "" : "and c.id_here is not null";
  await skip(
    tx,
    accounts,
    "a conflict: its id or number is another account's here",
    `exists (select from import_conflict c where c.kind = 'account' and c.record = t.record ${which})`,
  );
};

/** One account is the default one: the one that is so here, else the one with the lowest pk. */
const settleDefault = (tx: ImportTx) =>
  tx.rows(sql`
    with lost as (
      update import_account s set is_default = false
      where s.is_default and (
        exists (select from account a where a.is_default and a.number <> s.number)
        or exists (select from import_account o where o.is_default and o.pk < s.pk))
      returning s.model, s.record, s.pk
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'not the default account: another one is', format('account %s', pk) from lost`);

/** An account has one primary contact: the one here, else the one with the lowest pk. */
const settlePrimary = (tx: ImportTx) =>
  tx.rows(sql`
    with lost as (
      update import_account_contact s set is_primary = false
      where s.is_primary and (
        exists (select from account_contact c where c.account_id = s.account_id and c.is_primary and c.email_canonical <> s.email_canonical)
        or exists (select from import_account_contact o where o.account_id = s.account_id and o.is_primary and o.pk < s.pk))
      returning s.model, s.record, s.pk
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'not the primary contact: another one is', format('contact %s', pk) from lost`);

/** A primary contact is never demoted by a file. */
const keepPrimary = (tx: ImportTx) =>
  tx.rows(sql`
    with kept as (
      update import_account_contact s set is_primary = true from account_contact t
      where t.account_id = s.account_id and t.email_canonical = s.email_canonical and t.is_primary and not coalesce(s.is_primary, false)
      returning s.model, s.record, s.pk, s.absent
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'the primary contact here, which it stays', format('contact %s', pk) from kept
    where not 'is_primary' = any(absent)`);

/** Users of new profiles become contacts (P5): after those of the file, whose names stand. */
const addUsers = (tx: ImportTx) =>
  tx.rows(sql`
    insert into account_contact as c (account_id, email, email_canonical, name, is_primary, user_id)
    select account_id, email, email_canonical, name,
      row_number() over (partition by account_id order by pk) = 1
        and not exists (select from account_contact p where p.account_id = n.account_id and p.is_primary),
      user_id
    from (
      select distinct on (s.account_id, e.email_canonical) s.account_id, s.pk, u.id as user_id, u.email, e.email_canonical, u.name
      from import_profile s join users u on u.id = s.user_id join user_email e on e.user_id = u.id and e.email = u.email
      where s.outcome is null order by s.account_id, e.email_canonical, s.pk
    ) n order by account_id, pk
    on conflict (account_id, email_canonical) do update set
      name = coalesce(nullif(c.name, ''), excluded.name),
      is_primary = c.is_primary or excluded.is_primary,
      user_id = coalesce(c.user_id, excluded.user_id)`);

/** Notes names and the rank of primary contact, where contacts of the file got them from users. */
const noteGiven = async (tx: ImportTx): Promise<void> => {
  for (const [column, reason] of [
    ["name", "it has no name in the file, and got that of its user"],
    ["is_primary", "it became the primary contact of an account that has no other one"],
  ] as const) {
    await tx.rows(sql`
      insert into import_note (model, record, pk, reason, about)
      select s.model, s.record, s.pk, ${reason}, format('contact %s', s.pk)
      from import_account_contact s join account_contact t on t.id = s.id
      where s.${sql.ref(column)} <> t.${sql.ref(column)} and not ${column} = any(s.absent)`);
  }
};

const resolveAccounts = async (tx: ImportTx, staging: StagingTable): Promise<void> => {
  await tx.rows(sql`update ${sql.table(staging.name)} t set account_id = a.id from import_account a where a.pk = t.account_pk`);
  await skip(tx, staging, "its account is not in the file, or was skipped", "t.account_id is null");
};

/** Accounts that came with other ids are no conflicts when they come again. */
const rememberAccounts = (tx: ImportTx) =>
  tx.rows(sql`
    insert into import_origin as o (kind, pk, name_hash, id)
    select 'account', pk, encode(sha256(convert_to(number, 'UTF8')), 'hex'), id from import_account where id <> pk
    on conflict (kind, pk, name_hash) do update set id = excluded.id where o.id <> excluded.id`);

/** Writes the accounts of a file, and the profiles and contacts that belong to accounts. */
export const mergeAccounts = async (tx: ImportTx): Promise<void> => {
  if (![accounts, profiles, accountContacts].some((staging) => isGiven(tx, staging))) return;
  await skipRepeated(tx, accounts, "its number comes again: the lowest pk stands", "number", "pk");
  await settleConflicts(tx);
  await settleDefault(tx);
  await mergeRows(tx, account);
  await rememberAccounts(tx);
  await resolveAccounts(tx, profiles);
  await resolveUsers(tx, profiles);
  await skip(
    tx,
    profiles,
    "its user joined an account here, which gets no profile from a file in what is here",
    `exists (select from import_user u where u.id = t.user_id and u.is_joined)
      and exists (select from import_account a where a.id = t.account_id and a.outcome is not null)`,
  );
  await skipRepeated(tx, profiles, "the user has it in this account twice: the highest pk stands", "user_id, account_id", "pk desc");
  await mergeRows(tx, profile);
  await resolveAccounts(tx, accountContacts);
  await skipRepeated(tx, accountContacts, "the account has it twice: the highest pk stands", "account_id, email_canonical", "pk desc");
  await settlePrimary(tx);
  await keepPrimary(tx);
  await mergeRows(tx, contact);
  await addUsers(tx);
  await noteGiven(tx);
};
