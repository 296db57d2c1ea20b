import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { type Aggregate, organizationAggregate, userAggregate } from "../versions/aggregate.ts";

/** A user, and the canonical name of an address that the user has verified. */
export type Verified = { readonly userId: bigint; readonly canonical: string };

/** Finds the id of the user who has verified an address, given by its canonical name; undefined = nobody. */
export const holderOf = async (session: Session, canonical: string): Promise<bigint | undefined> => {
  const holders = session.sql
    .selectFrom("user_email")
    .select("user_id")
    .where("email_canonical", "=", canonical)
    .where("is_verified", "=", true);
  return (await session.row(holders))?.user_id;
};

/** The cause of a retry, for `requireLocked`: a user has verified the invited address after the write looked up which users to lock. */
export const ADDRESS_VERIFIED = "The address was verified";

/** Makes the function that looks up what a write to an invitation locks: the organization and any user who has verified the invited address. */
export const invitationLocks =
  (organizationId: bigint, canonical: string): LookUpLocks =>
  async (session) => {
    const holder = await holderOf(session, canonical);
    return [organizationAggregate(organizationId), ...(holder === undefined ? [] : [userAggregate(holder)])];
  };

/**
 * Returns the organizations that have invited any of the given addresses: a write that verifies the addresses locks these organizations
 * before any user. An invitation stored after the look-up can cause a deadlock, which makes the write run again.
 */
export const invitingAggregates = async (session: Session, canonicalNames: readonly string[]): Promise<readonly Aggregate[]> => {
  if (canonicalNames.length === 0) return [];
  const rows = await session.rows(sql<{ organization_id: bigint }>`
    select distinct organization_id from organization_member where email_canonical = any(${canonicalNames}::text[])`);
  return rows.map(({ organization_id }) => organizationAggregate(organization_id));
};

/** The SQL condition that an invitation, in the alias `i`, has not expired. */
const isAlive = sql<boolean>`(i.invite_expire_time is null or i.invite_expire_time > now())`;

/**
 * Turns the unexpired invitations of verified addresses into memberships with the same id, role and teams; an invitation of a user who is a
 * member already is deleted. Lock the canonical names of the addresses first.
 */
export const acceptInvitations = async (tx: Tx, verified: readonly Verified[]): Promise<void> => {
  if (verified.length === 0) return;
  const rows = await tx.rows(sql<{ id: bigint; user_id: bigint; organization_id: bigint; is_member: boolean }>`
    select i.id, w.user_id, i.organization_id, exists (
        select from organization_member m where m.organization_id = i.organization_id and m.user_id = w.user_id) as is_member
    from unnest(${verified.map(({ userId }) => String(userId))}::bigint[], ${verified.map(({ canonical }) => canonical)}::text[]) as w (user_id, canonical)
    join organization_member i on i.email_canonical = w.canonical and ${isAlive} order by i.organization_id, i.id`);
  if (rows.length === 0) return;
  for (const { organization_id } of rows) tx.touch(organizationAggregate(organization_id));
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
    update organization_member m set user_id = w.user_id, email = null, email_canonical = null, invite_expire_time = null, version = m.version + 1
    from unnest(${bound.map(({ id }) => String(id))}::bigint[], ${bound.map(({ user_id }) => String(user_id))}::bigint[]) as w (id, user_id)
    where m.id = w.id`);
};
