import { sql } from "kysely";
import type { Call, Operation } from "../call.ts";
import { lockCanonicalNames } from "../db/canonical-names.ts";
import { overtaken, whileOvertaken } from "../db/overtaken.ts";
import type { Tx } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition } from "../errors.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { writableUser } from "../users/writable-user.ts";
import { organizationAggregate, userAggregate } from "../versions/aggregate.ts";
import { acceptInvitations, holderOf } from "./invitations.ts";
import { toMember } from "./member.mapping.ts";
import { findMember, storedMember } from "./member.ts";
import { assertEtag, assertOrganization } from "./stored.ts";

const method = OrganizationService.method.resendInvitation;

/**
 * ResendInvitation: the invitation is valid for as long as a new one. Who has verified the address since it expired is a member
 * at once, as when it is invited now.
 */
export const resendInvitation = ({
  db,
  write,
  invitationDays,
}: Pick<Dependencies, "db" | "write" | "invitationDays">): Operation<typeof method> => {
  /** Who has verified the address that the invitation names: it has to be known before it can be locked. */
  const knownHolder = async (call: Call, organizationId: bigint, memberId: bigint): Promise<bigint | undefined> => {
    const run = db.session(call);
    const email = (await findMember(run, organizationId, { case: "memberId", value: memberId }))?.email;
    return email ? holderOf(run, canonicalName(email)) : undefined;
  };
  const renew = async (tx: Tx, memberId: bigint): Promise<void> => {
    await tx.rows(sql`
      update organization_member set invite_expire_time = now() + make_interval(days => ${invitationDays}), version = version + 1
      where id = ${memberId}`);
  };
  return (call, request) =>
    whileOvertaken(async () => {
      const { organizationId, memberId, etag, requestId } = request;
      const known = await knownHolder(call, organizationId, memberId);
      const aggregates = [organizationAggregate(organizationId), ...(known === undefined ? [] : [userAggregate(known)])];
      return write(call, { method, request, aggregates, requestId }, async (tx) => {
        await assertOrganization(tx, organizationId);
        const row = await storedMember(tx, organizationId, { case: "memberId", value: memberId });
        if (row.email === null) throw failedPrecondition("INVITATION_ACCEPTED", "The member is no invitation any more.");
        assertEtag("The member has changed since.", row, etag);
        await lockCanonicalNames(tx, [row.email]);
        const holder = await holderOf(tx, canonicalName(row.email));
        if (holder !== known) throw overtaken("The address was verified");
        await renew(tx, memberId);
        if (holder === undefined)
          return { member: toMember(await storedMember(tx, organizationId, { case: "memberId", value: memberId })) };
        await writableUser(tx, holder);
        await acceptInvitations(tx, [{ userId: holder, canonical: canonicalName(row.email) }]);
        return { member: toMember(await storedMember(tx, organizationId, { case: "userId", value: holder })) };
      });
    });
};
