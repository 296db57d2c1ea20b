import { type RawBuilder, sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { notFound } from "../errors.ts";
import type { MemberRole } from "../gen/userd/v1/member_pb.ts";
import { organizationAggregate, userAggregate } from "../versions/aggregate.ts";
import { type MemberRow, memberColumns, roleColumn } from "./member.mapping.ts";

/** The part of a request that names a member, by the user's id or the member's id. Validation has refused requests with neither id. */
export type Which =
  | { readonly case: "userId"; readonly value: bigint }
  | { readonly case: "memberId"; readonly value: bigint }
  | { readonly case: undefined; readonly value?: undefined };

const isWhich = ({ case: kind, value = 0n }: Which): RawBuilder<unknown> =>
  kind === "userId" ? sql`r.user_id = ${value}` : sql`r.id = ${value}`;

/** Finds a member or invitation of an organization; undefined = there is none. */
export const findMember = async (session: Session, organizationId: bigint, which: Which): Promise<MemberRow | undefined> => {
  return session.row(sql<MemberRow>`
    select ${memberColumns} from organization_member r where r.organization_id = ${organizationId} and ${isWhich(which)}`);
};

/** Reads a member or invitation of an organization. The organization has to be locked already. Throws NOT_FOUND MEMBER_NOT_FOUND. */
export const storedMember = async (tx: Tx, organizationId: bigint, which: Which): Promise<MemberRow> => {
  const row = await findMember(tx, organizationId, which);
  if (row === undefined) throw notFound("MEMBER_NOT_FOUND", "The organization has no such member.");
  return row;
};

/** Makes the function that looks up what a write to a member or an invitation locks: the organization and, for a member, the user. */
export const membershipAggregates =
  (organizationId: bigint, which: Which): LookUpLocks =>
  async (session) => {
    const userId = which.case === "userId" ? which.value : (await findMember(session, organizationId, which))?.user_id;
    return [organizationAggregate(organizationId), ...(userId ? [userAggregate(userId)] : [])];
  };

/** A member to be stored: a user, or an address and its canonical name. */
type NewMember = {
  readonly organizationId: bigint;
  readonly userId?: bigint;
  readonly email?: string;
  readonly canonical?: string;
  readonly role: MemberRole;
  /** The time for which an invitation is valid, in days. */
  readonly days?: number;
};

/** Stores a new member, or an invitation of an address, and returns its row. Throws ALREADY_EXISTS MEMBER_EXISTS, by a constraint. */
export const insertMember = async (tx: Tx, { organizationId, userId, email, canonical, role, days }: NewMember): Promise<MemberRow> => {
  const row = await tx.row(sql<MemberRow>`
    insert into organization_member as r (organization_id, user_id, email, email_canonical, role, invite_expire_time)
    values (${organizationId}, ${userId ?? null}, ${email ?? null}, ${canonical ?? null}, ${roleColumn(role)},
      now() + make_interval(days => ${days ?? null}))
    returning ${memberColumns}`);
  if (row === undefined) throw new Error("An insert returns its row.");
  return row;
};
