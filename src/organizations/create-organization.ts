import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { MemberRole } from "../gen/userd/v1/member_pb.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { organizationSubject, userSubject } from "../versions/subject.ts";
import { createRow } from "./change.ts";
import { organizations } from "./kind.ts";
import { insertMember } from "./member.ts";
import { toOrganization } from "./organization.mapping.ts";

const method = OrganizationService.method.createOrganization;

/** CreateOrganization: the organization and, if there is one, its first owner. */
export const createOrganization =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { organization, ownerUserId, requestId } = request;
    if (organization === undefined) throw invalidField("organization", "is required");
    const subjects = ownerUserId === 0n ? [] : [userSubject(ownerUserId)];
    return write(call, { method, request, subjects, requestId }, async (tx) => {
      if (ownerUserId !== 0n) await writableUser(tx, ownerUserId);
      const row = await createRow(tx, { kind: organizations, field: "organization" }, organization);
      tx.touch(organizationSubject(row.id));
      if (ownerUserId !== 0n) await insertMember(tx, { organizationId: row.id, userId: ownerUserId, role: MemberRole.OWNER });
      return { organization: toOrganization(row) };
    });
  };
