import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { TeamRole } from "../gen/userd/v1/member_pb.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { lockedRow, locksOf, requireLive } from "../kinds/stored.ts";
import { teams } from "./kind.ts";
import { roleColumn } from "./member.mapping.ts";
import { storedMember } from "./member.ts";

const method = OrganizationService.method.addTeamMember;

/** AddTeamMember: puts a member or an invitation of a team's organization into the team, with the role that the request names. */
export const addTeamMember =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { teamId, member, role } = request;
    return write(call, { method, request, aggregates: locksOf(teams, teamId) }, async (tx) => {
      const team = await lockedRow(tx, teams, teamId);
      requireLive(teams, team);
      const { id } = await storedMember(tx, team.organization_id, member);
      const added = await tx.rows(sql`
        insert into team_member (organization_id, team_id, member_id, role)
        values (${team.organization_id}, ${teamId}, ${id}, ${roleColumn(role || TeamRole.MEMBER)})
        on conflict (team_id, member_id) do nothing returning id`);
      if (added.length > 0) return { added: true };
      if (role !== TeamRole.UNSPECIFIED) {
        await tx.rows(sql`
          update team_member set role = ${roleColumn(role)}
          where team_id = ${teamId} and member_id = ${id} and role <> ${roleColumn(role)}`);
      }
      return { added: false };
    });
  };
