import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListMembersRequestSchema, MemberRole } from "../gen/userd/v1/member_pb.ts";
import type { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { readPage } from "./list-page.ts";
import { memberColumns, roleColumn, toMember } from "./member.mapping.ts";

/** ListMembers: reads a page in one statement. */
export const listMembers =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof OrganizationService.method.listMembers> =>
  async (call, request) => {
    const { organizationId, teamId, role, onlyUsers } = request;
    const page = pager(call, ListMembersRequestSchema, request);
    await freshness.check(call, request.consistency);
    const which = sql.join(
      [
        onlyUsers ? sql`r.user_id is not null` : sql`true`,
        role === MemberRole.UNSPECIFIED ? sql`true` : sql`r.role = ${roleColumn(role)}`,
        teamId === 0n ? sql`true` : sql`exists (select from team_member tm where tm.member_id = r.id and tm.team_id = ${teamId})`,
      ],
      sql` and `,
    );
    const found = await readPage({ db, call, page }, organizationId, { columns: memberColumns, from: sql`organization_member r`, which });
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { members: rows.map(toMember), nextPageToken };
  };
