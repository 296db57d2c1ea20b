import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { lockCanonicalNames } from "../db/canonical-names.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition } from "../errors.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { liveById } from "../kinds/stored.ts";
import { canonicalName } from "../names/canonical.ts";
import { writableUser } from "../users/writable-user.ts";
import { organizationAggregate, userAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { ADDRESS_VERIFIED, acceptInvitations, holderOf, invitationLocks } from "./invitations.ts";
import { organizations } from "./kind.ts";
import { toMember } from "./member.mapping.ts";
import { findMember, storedMember } from "./member.ts";

const method = OrganizationService.method.resendInvitation;

/** ResendInvitation: renews the expiry of an invitation; if a user has verified the invited address by now, this user becomes a member. */
export const resendInvitation = ({ write, invitationDays }: Dependencies): Operation<typeof method> => {
  const renew = async (tx: Tx, memberId: bigint): Promise<void> => {
    await tx.rows(sql`
      update organization_member set invite_expire_time = now() + make_interval(days => ${invitationDays}), version = version + 1
      where id = ${memberId}`);
  };
  return (call, request) => {
    const { organizationId, memberId, etag } = request;
    const invitation = { case: "memberId", value: memberId } as const;
    const aggregates: LookUpLocks = async (session) => {
      const email = (await findMember(session, organizationId, invitation))?.email;
      return email ? invitationLocks(organizationId, canonicalName(email))(session) : [organizationAggregate(organizationId)];
    };
    return write(call, { method, request, aggregates }, async (tx) => {
      await liveById(tx, organizations, organizationId);
      const row = await storedMember(tx, organizationId, invitation);
      if (row.email === null) throw failedPrecondition("INVITATION_ACCEPTED", "The member is no invitation any more.");
      requireEtag(etag, etagOf(row), "member");
      await lockCanonicalNames(tx, [row.email]);
      const holder = await holderOf(tx, canonicalName(row.email));
      if (holder !== undefined) tx.requireLocked([userAggregate(holder)], ADDRESS_VERIFIED);
      await renew(tx, memberId);
      if (holder === undefined) return { member: toMember(await storedMember(tx, organizationId, invitation)) };
      await writableUser(tx, holder);
      await acceptInvitations(tx, [{ userId: holder, canonical: canonicalName(row.email) }]);
      return { member: toMember(await storedMember(tx, organizationId, { case: "userId", value: holder })) };
    });
  };
};
