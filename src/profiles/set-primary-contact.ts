import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { accountAggregate } from "../versions/aggregate.ts";
import { storedAccount } from "./account.select.ts";
import { type ContactRow, contactNotFound, toContact } from "./contacts.ts";

const method = ProfileService.method.setPrimaryContact;

/** SetPrimaryContact: the account is locked, so that it never has two; the one before goes first, since a constraint says so. */
export const setPrimaryContact =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { accountId, email } = request;
    return write(call, { method, request, aggregates: [accountAggregate(accountId)] }, async (tx) => {
      await storedAccount(tx, accountId);
      const contact = await tx.row(sql<ContactRow>`
        select * from account_contact where account_id = ${accountId} and email_canonical = ${canonicalName(email)}`);
      if (contact === undefined) throw contactNotFound();
      if (!contact.is_primary) {
        await tx.rows(sql`update account_contact set is_primary = false where account_id = ${accountId} and is_primary`);
        await tx.rows(sql`update account_contact set is_primary = true where id = ${contact.id}`);
      }
      return { contact: toContact({ ...contact, is_primary: true }) };
    });
  };
