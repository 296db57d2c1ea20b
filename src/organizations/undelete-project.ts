import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { undeleteRow } from "./change.ts";
import { projects } from "./kind.ts";
import { toProject } from "./organization.mapping.ts";
import { assertOrganization, organizationOf, projectAggregates } from "./stored.ts";

const method = OrganizationService.method.undeleteProject;

/** UndeleteProject: restores the project as it was before it was deleted. */
export const undeleteProject =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { id } = request;
    const organizationId = await organizationOf(db, call, projects, id);
    return write(call, { method, request, aggregates: projectAggregates(organizationId, id) }, async (tx) => {
      await assertOrganization(tx, organizationId, projects);
      return { project: toProject(await undeleteRow(tx, projects, id)) };
    });
  };
