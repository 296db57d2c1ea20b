import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { lockCanonicalNames } from "../db/canonical-names.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { liveById } from "../kinds/stored.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertAddress } from "../names/rules.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { ADDRESS_VERIFIED, holderOf, invitationLocks } from "./invitations.ts";
import { organizations } from "./kind.ts";
import { toMember } from "./member.mapping.ts";
import { insertMember } from "./member.ts";

const method = OrganizationService.method.inviteMember;

/** Removes an expired invitation, which gives way to a new one. */
const removeExpired = async (tx: Tx, organizationId: bigint, canonical: string): Promise<void> => {
  await tx.rows(sql`
    delete from organization_member
    where organization_id = ${organizationId} and email_canonical = ${canonical} and invite_expire_time <= now()`);
};

/**
 * InviteMember: stores an invitation of an address, or makes the user who has verified the address a member. It locks the canonical name, so
 * that a user who verifies the address at the same time becomes a member too.
 */
export const inviteMember =
  ({ write, invitationDays }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { organizationId, email, role } = request;
    assertAddress(email, "email");
    const canonical = canonicalName(email);
    const aggregates = invitationLocks(organizationId, canonical);
    return write(call, { method, request, aggregates }, async (tx) => {
      await liveById(tx, organizations, organizationId);
      await lockCanonicalNames(tx, [email]);
      await removeExpired(tx, organizationId, canonical);
      const holder = await holderOf(tx, canonical);
      if (holder === undefined) {
        return { member: toMember(await insertMember(tx, { organizationId, email, canonical, role, days: invitationDays })) };
      }
      tx.requireLocked([userAggregate(holder)], ADDRESS_VERIFIED);
      await writableUser(tx, holder);
      return { member: toMember(await insertMember(tx, { organizationId, userId: holder, role })) };
    });
  };
