import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { projects } from "./kind.ts";
import { assertProjectAndTeam } from "./project-team.ts";
import { organizationOf, projectAggregates } from "./stored.ts";

const method = OrganizationService.method.removeProjectTeam;

/** RemoveProjectTeam: takes the project from the team. */
export const removeProjectTeam =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { projectId, teamId } = request;
    const organizationId = await organizationOf(db, call, projects, projectId);
    return write(call, { method, request, aggregates: projectAggregates(organizationId, projectId) }, async (tx) => {
      await assertProjectAndTeam(tx, organizationId, projectId, teamId);
      const rows = await tx.rows(sql`delete from project_team where project_id = ${projectId} and team_id = ${teamId} returning id`);
      return { removed: rows.length > 0 };
    });
  };
