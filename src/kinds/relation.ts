import { type RawBuilder, sql } from "kysely";
import type { Kind } from "../contract/kinds/kind.ts";
import { models } from "../contract/kinds/read.ts";
import type { Tx } from "../db/transaction.ts";
import { type DomainError, forbidden } from "../errors.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { MemberRole } from "../gen/userd/v1/member_pb.ts";
import { roleColumn } from "../organizations/member.mapping.ts";
import { presentUser } from "../users/present.ts";

const { READ, OWN } = AccessRelation;

/** The least role that gives a member a relation to what belongs to its organization. */
const leastRole = (relation: AccessRelation): MemberRole => (relation === OWN ? MemberRole.MANAGER : MemberRole.MEMBER);

/**
 * The condition in SQL that a user has a relation to what belongs to an organization: its members read it, its managers and owners
 * own it, superusers both. Who is not present has neither.
 */
export const isRelated = (
  userId: bigint | RawBuilder<unknown>,
  relation: AccessRelation,
  organizationId: RawBuilder<unknown>,
): RawBuilder<boolean> => sql`exists (
  select from users u where u.id = ${userId}::bigint and ${presentUser("u")} and (u.is_superuser or exists (
    select from organization_member m
    where m.organization_id = ${organizationId} and m.user_id = u.id and m.role >= ${roleColumn(leastRole(relation))}::smallint)))`;

/**
 * Refuses a write to a resource of an organization when the acting user, if there is one, does not own it. It does not check
 * organizations, projects and teams: for these the permission of the RPC decides.
 * @throws what `missing` makes when the user may not even read it, since the user must not learn that it exists; PERMISSION_DENIED
 * PERMISSION_REQUIRED when the user may read it.
 */
export const requireOwned = async (tx: Tx, kind: Kind, organizationId: bigint, missing: () => DomainError): Promise<void> => {
  const { actingUserId } = tx.call;
  if (actingUserId === undefined || models.includes(kind)) return;
  const organization = sql`${organizationId}::bigint`;
  const { reads, owns } = await tx.one(sql<{ reads: boolean; owns: boolean }>`
    select ${isRelated(actingUserId, READ, organization)} as reads, ${isRelated(actingUserId, OWN, organization)} as owns`);
  if (!reads) throw missing();
  if (!owns) throw forbidden("PERMISSION_REQUIRED", `The acting user may read the ${kind.label}, and not write it.`);
};
