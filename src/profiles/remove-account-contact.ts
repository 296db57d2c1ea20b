import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { accountAggregate } from "../versions/aggregate.ts";
import { storedAccount } from "./account.select.ts";
import { contactNotFound } from "./contacts.ts";

const method = ProfileService.method.removeAccountContact;

/** RemoveAccountContact: the primary one too; the next contact that is added without saying otherwise becomes it. */
export const removeAccountContact =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { accountId, email, requestId } = request;
    return write(call, { method, request, aggregates: [accountAggregate(accountId)], requestId }, async (tx) => {
      await storedAccount(tx, accountId);
      const removed = await tx.affected(sql`
        delete from account_contact where account_id = ${accountId} and email_canonical = ${canonicalName(email)}`);
      if (removed === 0) throw contactNotFound();
      return {};
    });
  };
