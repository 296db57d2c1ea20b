import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { locksOf } from "../kinds/stored.ts";
import { projects } from "./kind.ts";
import { assertProjectAndTeam } from "./project-team.ts";

const method = OrganizationService.method.addProjectTeam;

/** AddProjectTeam: adds a team to a project, and returns whether the team was added or was a team of the project already. */
export const addProjectTeam =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { projectId, teamId } = request;
    return write(call, { method, request, aggregates: locksOf(projects, projectId) }, async (tx) => {
      await assertProjectAndTeam(tx, projectId, teamId);
      const rows = await tx.rows(sql`
        insert into project_team (project_id, team_id) values (${projectId}, ${teamId})
        on conflict (project_id, team_id) do nothing returning id`);
      return { added: rows.length > 0 };
    });
  };
