import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { teams } from "./kind.ts";
import { storedMember } from "./member.ts";
import { assertOrganization, organizationOf, requireLive, storedById } from "./stored.ts";

const method = OrganizationService.method.addTeamMember;

/** AddTeamMember: a member of the team's organization, or an invitation, is in the team from now on. */
export const addTeamMember =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { teamId, member, requestId } = request;
    const organizationId = await organizationOf(db, call, teams, teamId);
    return write(call, { method, request, aggregates: [organizationAggregate(organizationId)], requestId }, async (tx) => {
      await assertOrganization(tx, organizationId, teams);
      requireLive(teams, await storedById(tx, teams, teamId));
      const { id } = await storedMember(tx, organizationId, member);
      const rows = await tx.rows(sql`
        insert into team_member (organization_id, team_id, member_id) values (${organizationId}, ${teamId}, ${id})
        on conflict (team_id, member_id) do nothing returning id`);
      return { added: rows.length > 0 };
    });
  };
