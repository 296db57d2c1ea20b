import type { Operation } from "../call.ts";
import { changeEntity } from "../db/entity.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { liveById } from "../kinds/stored.ts";
import { OrganizationMember } from "../schema/organization.entity.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { organizations } from "./kind.ts";
import { roleColumn, toMember } from "./member.mapping.ts";
import { membershipAggregates, storedMember } from "./member.ts";
import { assertOwnerStays } from "./owners.ts";

const method = OrganizationService.method.setMemberRole;

/** SetMemberRole: changes a member's role; writes nothing if the member has the role. The last present owner can't get another role. */
export const setMemberRole =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { organizationId, member, etag } = request;
    const role = roleColumn(request.role);
    const aggregates = membershipAggregates(organizationId, member);
    return write(call, { method, request, aggregates }, async (tx) => {
      await liveById(tx, organizations, organizationId);
      const row = await storedMember(tx, organizationId, member);
      requireEtag(etag, etagOf(row), "member");
      if (row.role === role) return { member: toMember(row) };
      await assertOwnerStays(tx, row);
      const { version } = await changeEntity(tx, OrganizationMember, row, { role });
      return { member: toMember({ ...row, role, version }) };
    });
  };
