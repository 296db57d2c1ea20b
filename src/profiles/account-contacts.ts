import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { type DomainError, invalidField, notFound } from "../errors.ts";
import { type AccountContactSchema, ListAccountContactsRequestSchema } from "../gen/userd/v1/account_contact_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertAddress } from "../names/rules.ts";
import type { Schema } from "../schema/entities.ts";
import { accountAggregate } from "../versions/aggregate.ts";
import { accountNotFound, selectAccounts, storedAccount } from "./accounts.ts";

const { method } = ProfileService;

/** A row of the table of contacts of accounts. */
export type ContactRow = Selectable<Schema["account_contact"]>;

/** Makes the API's message of a contact from its row. */
const toContact = (row: ContactRow): MessageInitShape<typeof AccountContactSchema> => ({
  email: row.email,
  name: row.name,
  isPrimary: row.is_primary,
  userId: row.user_id ?? 0n,
  createTime: timestampFromDate(row.create_time),
});

/** Makes the error for an address that no contact of the account has. */
const contactNotFound = (): DomainError => notFound("CONTACT_NOT_FOUND", "The account has no contact with this address.");

/** Makes the SQL condition that an account has no primary contact. Lock the account first, so that the condition holds until the commit. */
const lacksPrimary = (accountId: bigint) => sql<boolean>`
  not exists (select from account_contact where account_id = ${accountId} and is_primary)`;

/** A user to add to the contacts of an account, with the user's primary address. */
export type NewContact = { readonly accountId: bigint; readonly user: { readonly id: bigint; readonly email: string } };

/**
 * Adds users to the contacts of accounts; a contact with the same address only gets the user's name. The first user added to an account
 * without a primary contact becomes the primary contact. A user without an address is left out.
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

/** AddAccountContact: stores a new contact of an account. Constraints refuse a contact with the same address, and a second primary contact. */
export const addAccountContact =
  ({ write }: Dependencies): Operation<typeof method.addAccountContact> =>
  (call, request) => {
    const { accountId, contact } = request;
    if (contact === undefined) throw invalidField("contact", "is required");
    const { email, name, isPrimary } = contact;
    assertAddress(email, "contact.email");
    return write(call, { method: method.addAccountContact, request, aggregates: [accountAggregate(accountId)] }, async (tx) => {
      const primary = isPrimary === undefined ? lacksPrimary(accountId) : sql<boolean>`${isPrimary}::boolean`;
      const row = await tx.one(sql<ContactRow>`
        insert into account_contact (account_id, email, email_canonical, name, is_primary)
        values (${accountId}, ${email}, ${canonicalName(email)}, ${name}, ${primary}) returning *`);
      return { contact: toContact(row) };
    });
  };

/** ListAccountContacts: reads a page of an account's contacts, ordered by id, since a page token must not contain an address. */
export const listAccountContacts =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listAccountContacts> =>
  async (call, request) => {
    const { accountId } = request;
    const { size, after, cut } = pager(call, ListAccountContactsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await db.session(call).rows(
      db.sql
        .selectFrom("account_contact")
        .selectAll()
        .where("account_id", "=", accountId)
        .where("id", ">", BigInt(after?.[0] ?? 0))
        .orderBy("id")
        .limit(size + 1),
    );
    if (found.length === 0 && !(await db.session(call).row(selectAccounts(db.sql).where("id", "=", accountId)))) {
      throw accountNotFound();
    }
    const { rows, nextPageToken } = cut(found, ({ id }) => [id]);
    return { contacts: rows.map(toContact), nextPageToken };
  };

/** SetPrimaryContact: makes a contact of an account the primary one, in place of the previous primary contact. */
export const setPrimaryContact =
  ({ write }: Dependencies): Operation<typeof method.setPrimaryContact> =>
  (call, request) => {
    const { accountId, email } = request;
    return write(call, { method: method.setPrimaryContact, request, aggregates: [accountAggregate(accountId)] }, async (tx) => {
      await storedAccount(tx, accountId);
      const contact = await tx.row(sql<ContactRow>`
        select * from account_contact where account_id = ${accountId} and email_canonical = ${canonicalName(email)}`);
      if (contact === undefined) throw contactNotFound();
      if (!contact.is_primary) {
        // In this order: a constraint allows only one primary contact.
        await tx.rows(sql`update account_contact set is_primary = false where account_id = ${accountId} and is_primary`);
        await tx.rows(sql`update account_contact set is_primary = true where id = ${contact.id}`);
      }
      return { contact: toContact({ ...contact, is_primary: true }) };
    });
  };

/** RemoveAccountContact: deletes a contact. If the primary contact goes, the next contact added with `is_primary` unset becomes primary. */
export const removeAccountContact =
  ({ write }: Dependencies): Operation<typeof method.removeAccountContact> =>
  (call, request) => {
    const { accountId, email } = request;
    return write(call, { method: method.removeAccountContact, request, aggregates: [accountAggregate(accountId)] }, async (tx) => {
      await storedAccount(tx, accountId);
      const removed = await tx.affected(sql`
        delete from account_contact where account_id = ${accountId} and email_canonical = ${canonicalName(email)}`);
      if (removed === 0) throw contactNotFound();
      return {};
    });
  };
