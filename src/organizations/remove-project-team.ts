import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { locksOf } from "../kinds/stored.ts";
import { projects } from "./kind.ts";
import { assertProjectAndTeam } from "./project-team.ts";

const method = OrganizationService.method.removeProjectTeam;

/** RemoveProjectTeam: removes a team from a project, and returns whether the project had the team. */
export const removeProjectTeam =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { projectId, teamId } = request;
    return write(call, { method, request, aggregates: locksOf(projects, projectId) }, async (tx) => {
      await assertProjectAndTeam(tx, projectId, teamId);
      const rows = await tx.rows(sql`delete from project_team where project_id = ${projectId} and team_id = ${teamId} returning id`);
      return { removed: rows.length > 0 };
    });
  };
