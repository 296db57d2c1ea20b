import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { resourceNotFound } from "../contract/kinds/errors.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListMembersRequestSchema, MemberRole } from "../gen/userd/v1/member_pb.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizations } from "./kind.ts";
import { type MemberRow, memberColumns, roleColumn, toMember } from "./member.mapping.ts";

/** ListMembers: reads one page of an organization's members in one statement, which also checks that the organization exists. */
export const listMembers =
  ({ db, freshness, pager }: Dependencies): Operation<typeof OrganizationService.method.listMembers> =>
  async (call, request) => {
    const { organizationId, teamId, role, onlyUsers } = request;
    const page = pager(call, ListMembersRequestSchema, request);
    await freshness.check(call, request.consistency);
    const [after = "0"] = page.after ?? [];
    const which = sql.join(
      [
        onlyUsers ? sql`r.user_id is not null` : sql`true`,
        role === MemberRole.UNSPECIFIED ? sql`true` : sql`r.role = ${roleColumn(role)}`,
        teamId === 0n ? sql`true` : sql`exists (select from team_member tm where tm.member_id = r.id and tm.team_id = ${teamId})`,
      ],
      sql` and `,
    );
    const found = await db.session(call).rows(sql<MemberRow | { readonly id: null }>`
      select listed.* from organization g left join lateral (
        select ${memberColumns} from organization_member r where r.organization_id = g.id and r.id > ${after}::bigint and ${which}
        order by r.id limit ${page.size + 1}
      ) listed on true where g.id = ${organizationId} order by listed.id`);
    if (found.length === 0) throw resourceNotFound(organizations);
    const members = found.filter((row): row is MemberRow => row.id !== null);
    const { rows, nextPageToken } = page.cut(members, ({ id }) => [id]);
    return { members: rows.map(toMember), nextPageToken };
  };
