import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { type DomainError, notFound } from "../errors.ts";
import type { AccountContactSchema } from "../gen/userd/v1/account_contact_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import type { Schema } from "../schema/entities.ts";

/** A contact of an account. */
export type ContactRow = Selectable<Schema["account_contact"]>;

/** A contact as the API shows it. */
export const toContact = (row: ContactRow): MessageInitShape<typeof AccountContactSchema> => ({
  email: row.email,
  name: row.name,
  isPrimary: row.is_primary,
  userId: row.user_id ?? 0n,
  createTime: timestampFromDate(row.create_time),
});

/** No contact of the account has the address. */
export const contactNotFound = (): DomainError => notFound("CONTACT_NOT_FOUND", "The account has no contact with this address.");

/** The account has no primary contact; it is locked already, so that this holds until the commit. */
export const lacksPrimary = (accountId: bigint) => sql<boolean>`
  not exists (select from account_contact where account_id = ${accountId} and is_primary)`;

/** A user that becomes a contact of an account, under its first address. */
export type NewContact = { readonly accountId: bigint; readonly user: { readonly id: bigint; readonly email: string } };

/**
 * Makes users contacts of accounts, one after another: the first of an account that has no primary contact becomes that. The
 * contact that has the address takes the name, and is never demoted. A user without an address is no contact.
 */
export const addUsersToContacts = async (tx: Tx, contacts: readonly NewContact[]): Promise<void> => {
  const reached = contacts.filter(({ user }) => user.email !== "");
  if (reached.length === 0) return;
  await tx.rows(sql`
    insert into account_contact as c (account_id, email, email_canonical, name, is_primary, user_id)
    select account_id, email, canonical, coalesce(name, ''),
      row_number() over (partition by account_id order by position) = 1
        and not exists (select from account_contact p where p.account_id = n.account_id and p.is_primary),
      user_id
    from (
      -- Of users that share an address the first has the contact, and the last name stands.
      select w.account_id, w.canonical, min(w.position) as position,
        (array_agg(u.id order by w.position))[1] as user_id,
        (array_agg(u.email order by w.position))[1] as email,
        (array_agg(u.name order by w.position desc) filter (where u.name <> ''))[1] as name
      from unnest(
        ${reached.map(({ accountId }) => String(accountId))}::bigint[],
        ${reached.map(({ user }) => String(user.id))}::bigint[],
        ${reached.map(({ user }) => canonicalName(user.email))}::text[]) with ordinality as w (account_id, user_id, canonical, position)
      join users u on u.id = w.user_id group by w.account_id, w.canonical
    ) n order by position
    on conflict (account_id, email_canonical) do update set
      name = coalesce(nullif(excluded.name, ''), c.name),
      is_primary = c.is_primary or excluded.is_primary,
      user_id = coalesce(c.user_id, excluded.user_id)`);
};
