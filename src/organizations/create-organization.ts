import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { MemberRole } from "../gen/userd/v1/member_pb.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { organizationAggregate, userAggregate } from "../versions/aggregate.ts";
import { createRow } from "./change.ts";
import { organizations } from "./kind.ts";
import { insertMember } from "./member.ts";
import { toOrganization } from "./organization.mapping.ts";

const method = OrganizationService.method.createOrganization;

/** CreateOrganization: creates the organization and, if the request names one, its first owner. */
export const createOrganization =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { organization, ownerUserId } = request;
    if (organization === undefined) throw invalidField("organization", "is required");
    const aggregates = ownerUserId === 0n ? [] : [userAggregate(ownerUserId)];
    return write(call, { method, request, aggregates }, async (tx) => {
      if (ownerUserId !== 0n) await writableUser(tx, ownerUserId);
      const row = await createRow(
        tx,
        { kind: organizations, field: "organization", own: { open_membership: organization.openMembership ?? true } },
        organization,
      );
      tx.touch(organizationAggregate(row.id));
      if (ownerUserId !== 0n) await insertMember(tx, { organizationId: row.id, userId: ownerUserId, role: MemberRole.OWNER });
      return { organization: toOrganization(row) };
    });
  };
