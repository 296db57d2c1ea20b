import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { teams } from "./kind.ts";
import { storedMember } from "./member.ts";
import { assertOrganization, organizationOf, requireLive, storedById } from "./stored.ts";

const method = OrganizationService.method.removeTeamMember;

/** RemoveTeamMember: takes the member out of the team, and not out of the organization. */
export const removeTeamMember =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { teamId, member } = request;
    const organizationId = await organizationOf(db, call, teams, teamId);
    return write(call, { method, request, aggregates: [organizationAggregate(organizationId)] }, async (tx) => {
      await assertOrganization(tx, organizationId, teams);
      requireLive(teams, await storedById(tx, teams, teamId));
      const { id } = await storedMember(tx, organizationId, member);
      const rows = await tx.rows(sql`delete from team_member where team_id = ${teamId} and member_id = ${id} returning id`);
      return { removed: rows.length > 0 };
    });
  };
