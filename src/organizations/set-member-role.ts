import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { roleColumn, toMember } from "./member.mapping.ts";
import { membershipAggregates, storedMember } from "./member.ts";
import { assertOwnerStays } from "./owners.ts";
import { assertEtag, assertOrganization } from "./stored.ts";

const method = OrganizationService.method.setMemberRole;

/** SetMemberRole: an equal role writes nothing; the last owner stays one. */
export const setMemberRole =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { organizationId, member, etag } = request;
    const role = roleColumn(request.role);
    const aggregates = membershipAggregates(organizationId, member);
    return write(call, { method, request, aggregates }, async (tx) => {
      await assertOrganization(tx, organizationId);
      const row = await storedMember(tx, organizationId, member);
      assertEtag("The member has changed since.", row, etag);
      if (row.role === role) return { member: toMember(row) };
      await assertOwnerStays(tx, row);
      await tx.rows(sql`update organization_member set role = ${role}, version = version + 1 where id = ${row.id}`);
      return { member: toMember({ ...row, role, version: row.version + 1 }) };
    });
  };
