import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { lockedRow, locksOf, requireLive } from "../kinds/stored.ts";
import { teams } from "./kind.ts";
import { storedMember } from "./member.ts";

const method = OrganizationService.method.removeTeamMember;

/** RemoveTeamMember: takes the member out of the team, and not out of the organization. */
export const removeTeamMember =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { teamId, member } = request;
    return write(call, { method, request, aggregates: locksOf(teams, teamId) }, async (tx) => {
      const team = await lockedRow(tx, teams, teamId);
      requireLive(teams, team);
      const { id } = await storedMember(tx, team.organization_id, member);
      const rows = await tx.rows(sql`delete from team_member where team_id = ${teamId} and member_id = ${id} returning id`);
      return { removed: rows.length > 0 };
    });
  };
