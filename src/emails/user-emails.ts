import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { MAX_PAGE_SIZE } from "../db/page.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, notFound } from "../errors.ts";
import { ListUserEmailsRequestSchema } from "../gen/userd/v1/emails_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertAddress } from "../names/rules.ts";
import { userNotFound } from "../users/get-user.ts";
import { claimNames } from "../users/names.ts";
import { toUserEmail, toUserEmails } from "../users/user.mapping.ts";
import type { UserEmailRow } from "../users/user.select.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { removeMailOptions } from "./mail-options.ts";

const { method } = UserService;

/** The row of a user's address, including its id. */
export type StoredEmail = UserEmailRow & { readonly id: bigint };

/** Finds the row of a user's address by the canonical form of the address. Throws NOT_FOUND EMAIL_NOT_FOUND. */
export const storedEmail = async (tx: Tx, userId: bigint, email: string): Promise<StoredEmail> => {
  const row = await tx.row(
    tx.sql
      .selectFrom("user_email")
      .select(["id", "email", "email_canonical", "is_verified", "date_added"])
      .where("user_id", "=", userId)
      .where("email_canonical", "=", canonicalName(email)),
  );
  if (!row) throw notFound("EMAIL_NOT_FOUND", "The user does not have this address.");
  return row;
};

type Row = { readonly primary_email: string } & (StoredEmail | { readonly id: null });

/** ListUserEmails: returns a page of one user's addresses, ordered by id, since a page token must not contain an address. */
export const listUserEmails =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listUserEmails> =>
  async (call, request) => {
    const page = pager(call, ListUserEmailsRequestSchema, request, MAX_PAGE_SIZE);
    await freshness.check(call, request.consistency);
    const [after = "0"] = page.after ?? [];
    const rows = await db.session(call).rows(sql<Row>`
      select u.email as primary_email, e.id, e.email, e.email_canonical, e.is_verified, e.date_added
      from users u left join user_email e on e.user_id = u.id and e.id > ${after}::bigint
      where u.id = ${request.userId} order by e.id limit ${page.size + 1}`);
    const [user] = rows;
    if (!user) throw userNotFound();
    const found = rows.filter((row): row is Row & StoredEmail => row.id !== null);
    const { rows: shown, nextPageToken } = page.cut(found, ({ id }) => [id]);
    const emails = [...shown].sort((a, b) => (a.email_canonical < b.email_canonical ? -1 : 1));
    return { emails: toUserEmails({ email: user.primary_email, emails }), nextPageToken };
  };

/** AddUserEmail: adds an unverified address to a user. A constraint refuses an address that the user has already. */
export const addUserEmail =
  ({ write }: Dependencies): Operation<typeof method.addUserEmail> =>
  (call, request) => {
    const { userId, email } = request;
    assertAddress(email, "email");
    return write(call, { method: method.addUserEmail, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      const user = await writableUser(tx, userId);
      await claimNames(tx, { userId, email });
      const row = await tx.row(sql<UserEmailRow>`
        insert into user_email (user_id, email, email_canonical) values (${userId}, ${email}, ${canonicalName(email)})
        returning email, email_canonical, is_verified, date_added`);
      return row ? { email: toUserEmail(row, canonicalName(user.email)) } : {};
    });
  };

/** RemoveUserEmail: deletes an address of a user, and the user's `mail:email` options that hold the address. */
export const removeUserEmail =
  ({ write }: Dependencies): Operation<typeof method.removeUserEmail> =>
  (call, request) => {
    const { userId } = request;
    return write(call, { method: method.removeUserEmail, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      const user = await writableUser(tx, userId);
      const { id, email, email_canonical } = await storedEmail(tx, userId, request.email);
      if (email_canonical === canonicalName(user.email)) {
        throw failedPrecondition("EMAIL_IS_PRIMARY", "The primary address can't be removed; make another one the primary first.");
      }
      await claimNames(tx, { userId, dropped: [email] });
      await tx.rows(sql`delete from user_email where id = ${id}`);
      await removeMailOptions(tx, userId, email);
      return {};
    });
  };

/** VerifyUserEmails: tells for each pair of user and address, by one statement, whether the user has the address, and whether it is verified. */
export const verifyUserEmails =
  ({ db, freshness }: Dependencies): Operation<typeof method.verifyUserEmails> =>
  async (call, request) => {
    const { pairs, onlyVerified } = request;
    await freshness.check(call, request.consistency);
    const [ids, canonicalNames] = [pairs.map(({ userId }) => String(userId)), pairs.map(({ email }) => canonicalName(email))];
    const rows = await db.session(call).rows(sql<{ is_verified: boolean | null }>`
      select e.is_verified
      from unnest(${ids}::bigint[], ${canonicalNames}::text[]) with ordinality as pair (user_id, canonical, position)
      left join user_email e on e.user_id = pair.user_id and e.email_canonical = pair.canonical
      order by position`);
    const results = rows.map(({ is_verified: isVerified }) => ({
      exists: isVerified !== null && (isVerified || !onlyVerified),
      isVerified: isVerified === true,
    }));
    return { results };
  };
