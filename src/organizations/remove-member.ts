import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { liveById } from "../kinds/stored.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { organizations } from "./kind.ts";
import { toMember } from "./member.mapping.ts";
import { membershipAggregates, storedMember } from "./member.ts";
import { assertOwnerStays } from "./owners.ts";

const method = OrganizationService.method.removeMember;

/** RemoveMember: removes a member from the organization and its teams. The last present owner can't be removed. */
export const removeMember =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { organizationId, member, etag } = request;
    const aggregates = membershipAggregates(organizationId, member);
    return write(call, { method, request, aggregates }, async (tx) => {
      await liveById(tx, organizations, organizationId);
      const row = await storedMember(tx, organizationId, member);
      requireEtag(etag, etagOf(row), "member");
      await assertOwnerStays(tx, row);
      await tx.rows(sql`delete from organization_member where id = ${row.id}`);
      return { member: toMember(row) };
    });
  };
