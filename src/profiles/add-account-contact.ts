import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertAddress } from "../names/rules.ts";
import { accountAggregate } from "../versions/aggregate.ts";
import { type ContactRow, lacksPrimary, toContact } from "./contacts.ts";

const method = ProfileService.method.addAccountContact;

/** AddAccountContact: that the address is new to the account, and the primary contact the only one, are constraints. */
export const addAccountContact =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { accountId, contact, requestId } = request;
    if (contact === undefined) throw invalidField("contact", "is required");
    const { email, name, isPrimary } = contact;
    assertAddress(email, "contact.email");
    return write(call, { method, request, aggregates: [accountAggregate(accountId)], requestId }, async (tx) => {
      const primary = isPrimary === undefined ? lacksPrimary(accountId) : sql<boolean>`${isPrimary}::boolean`;
      const row = await tx.one(sql<ContactRow>`
        insert into account_contact (account_id, email, email_canonical, name, is_primary)
        values (${accountId}, ${email}, ${canonicalName(email)}, ${name}, ${primary}) returning *`);
      return { contact: toContact(row) };
    });
  };
