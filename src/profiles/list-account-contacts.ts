import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListAccountContactsRequestSchema } from "../gen/userd/v1/account_contact_pb.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { accountNotFound, selectAccounts } from "./account.select.ts";
import { toContact } from "./contacts.ts";

/** ListAccountContacts: a page of the contacts of an account, by id: an address has no place in a page token. */
export const listAccountContacts =
  ({
    db,
    freshness,
    pager,
  }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof ProfileService.method.listAccountContacts> =>
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
