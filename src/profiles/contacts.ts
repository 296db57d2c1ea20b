import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import { handleOf } from "../db/handles.ts";
import type { Schema } from "../db/orm.ts";
import type { Tx } from "../db/transaction.ts";
import { type DomainError, notFound } from "../errors.ts";
import type { AccountContactSchema } from "../gen/users/v1/account_contact_pb.ts";

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

/**
 * Makes a user a contact of an account, under its first address. The contact that has the address takes the name, and is
 * never demoted. A user without an address is no contact.
 */
export const addUserToContacts = async (tx: Tx, accountId: bigint, { id, email }: { id: bigint; email: string }): Promise<void> => {
  if (email === "") return;
  await sql`
    insert into account_contact as c (account_id, email, email_handle, name, is_primary, user_id)
    select ${accountId}, u.email, ${handleOf(email)}, u.name, ${lacksPrimary(accountId)}, u.id from users u where u.id = ${id}
    on conflict (account_id, email_handle) do update set
      name = coalesce(nullif(excluded.name, ''), c.name),
      is_primary = c.is_primary or excluded.is_primary,
      user_id = coalesce(c.user_id, excluded.user_id)`.execute(tx.sql, tx.abort);
};

/** Gives the contacts that were made for a user its new name; its accounts are locked already. */
export const renameContacts = async (tx: Tx, userId: bigint, name: string): Promise<void> => {
  if (name === "") return;
  await sql`update account_contact set name = ${name} where user_id = ${userId} and name <> ${name}`.execute(tx.sql, tx.abort);
};
