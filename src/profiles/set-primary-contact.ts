import { sql } from "kysely";
import { accountSubject } from "../cache/subject.ts";
import type { Operation } from "../call.ts";
import { handleOf } from "../db/handles.ts";
import type { Dependencies } from "../dependencies.ts";
import { ProfileService } from "../gen/users/v1/profile_service_pb.ts";
import { storedAccount } from "./account.select.ts";
import { type ContactRow, contactNotFound, toContact } from "./contacts.ts";

const method = ProfileService.method.setPrimaryContact;

/** SetPrimaryContact: the account is locked, so that it never has two; the one before goes first, since a constraint says so. */
export const setPrimaryContact =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { accountId, email } = request;
    return write(call, { method, request, subjects: [accountSubject(accountId)] }, async (tx) => {
      await storedAccount(tx, accountId);
      const { rows } = await sql<ContactRow>`
        select * from account_contact where account_id = ${accountId} and email_handle = ${handleOf(email)}`.execute(tx.sql, tx.abort);
      const [contact] = rows;
      if (contact === undefined) throw contactNotFound();
      if (!contact.is_primary) {
        await sql`update account_contact set is_primary = false where account_id = ${accountId} and is_primary`.execute(tx.sql, tx.abort);
        await sql`update account_contact set is_primary = true where id = ${contact.id}`.execute(tx.sql, tx.abort);
      }
      return { contact: toContact({ ...contact, is_primary: true }) };
    });
  };
