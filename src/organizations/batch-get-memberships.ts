import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { type MemberRow, memberColumns, toMember } from "./member.mapping.ts";

/** BatchGetMemberships: returns the membership, if any, of each pair of user and organization; one statement reads all pairs. */
export const batchGetMemberships =
  ({ db, freshness }: Dependencies): Operation<typeof OrganizationService.method.batchGetMemberships> =>
  async (call, request) => {
    const { pairs } = request;
    await freshness.check(call, request.consistency);
    const rows = await db.session(call).rows(sql<MemberRow | { id: null }>`
      select ${memberColumns}
      from unnest(${pairs.map(({ userId }) => String(userId))}::bigint[], ${pairs.map(({ organizationId }) => String(organizationId))}::bigint[])
        with ordinality as w (user_id, organization_id, position)
      left join (
        organization_member r
        join organization g on g.id = r.organization_id and g.delete_time is null
        join users u on u.id = r.user_id and u.delete_time is null
      ) on r.organization_id = w.organization_id and r.user_id = w.user_id
      order by w.position`);
    const results = pairs.map(({ userId, organizationId }, index) => {
      const row = rows[index];
      const member = row === undefined || row.id === null ? undefined : toMember(row);
      return { userId, organizationId, isMember: member !== undefined, ...(member && { member }) };
    });
    return { results };
  };
