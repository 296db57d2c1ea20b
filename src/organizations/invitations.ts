import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/transaction.ts";
import { organizationSubject, type Subject } from "../versions/subject.ts";

/** A user and the handle of an address that it has verified. */
export type Verified = { readonly userId: bigint; readonly handle: string };

/** Who has verified an address, by its handle. */
export const holderOf = async (session: Session, handle: string): Promise<bigint | undefined> => {
  const holders = session.sql.selectFrom("user_email").select("user_id").where("email_handle", "=", handle).where("is_verified", "=", true);
  return (await session.row(holders))?.user_id;
};

/**
 * The organizations that invite these addresses: a write that verifies one has to lock them, and before its users. One that
 * invites the address between this and the write is locked late, which costs a retry at worst.
 */
export const invitingSubjects = async (db: Database, call: Call, handles: readonly string[]): Promise<readonly Subject[]> => {
  if (handles.length === 0) return [];
  const rows = await db.session(call).rows(sql<{ organization_id: bigint }>`
    select distinct organization_id from organization_member where email_handle = any(${handles}::text[])`);
  return rows.map(({ organization_id }) => organizationSubject(organization_id));
};

/** An invitation, in the alias `i`, that has not expired. */
const isAlive = sql<boolean>`(i.invite_expire_time is null or i.invite_expire_time > now())`;

/**
 * Makes memberships of the invitations that have not expired of addresses that are verified now; the handles are locked. An invitation keeps its
 * id, its role and its teams. Where the user is a member already, the invitation goes and the membership stays as it is.
 */
export const acceptInvitations = async (tx: Tx, verified: readonly Verified[]): Promise<void> => {
  if (verified.length === 0) return;
  const rows = await tx.rows(sql<{ id: bigint; user_id: bigint; organization_id: bigint; is_member: boolean }>`
    select i.id, w.user_id, i.organization_id, exists (
        select from organization_member m where m.organization_id = i.organization_id and m.user_id = w.user_id) as is_member
    from unnest(${verified.map(({ userId }) => String(userId))}::bigint[], ${verified.map(({ handle }) => handle)}::text[]) as w (user_id, handle)
    join organization_member i on i.email_handle = w.handle and ${isAlive} order by i.organization_id, i.id`);
  if (rows.length === 0) return;
  for (const { organization_id } of rows) tx.touch(organizationSubject(organization_id));
  // Of two invitations of one user to one organization, by two addresses of one write, the first one counts.
  const seen = new Set<string>();
  const isFirst = ({ user_id, organization_id }: (typeof rows)[number]): boolean => {
    const key = `${user_id}/${organization_id}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  };
  const bound = rows.filter((row) => !row.is_member && isFirst(row));
  const gone = rows.filter((row) => !bound.includes(row)).map(({ id }) => String(id));
  await tx.rows(sql`delete from organization_member where id = any(${gone}::bigint[])`);
  await tx.rows(sql`
    update organization_member m set user_id = w.user_id, email = null, email_handle = null, invite_expire_time = null, version = m.version + 1
    from unnest(${bound.map(({ id }) => String(id))}::bigint[], ${bound.map(({ user_id }) => String(user_id))}::bigint[]) as w (id, user_id)
    where m.id = w.id`);
};
