import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { deleteRow } from "./change.ts";
import { projects } from "./kind.ts";
import { toProject } from "./organization.mapping.ts";
import { assertOrganization, organizationOf, projectAggregates } from "./stored.ts";

const method = OrganizationService.method.deleteProject;

/** DeleteProject: all that belongs to the project stays until the grace period ends (lifecycle/purger.ts). */
export const deleteProject =
  ({ db, write, purgeAfterDays }: Pick<Dependencies, "db" | "write" | "purgeAfterDays">): Operation<typeof method> =>
  async (call, request) => {
    const { id, etag } = request;
    const organizationId = await organizationOf(db, call, projects, id);
    return write(call, { method, request, aggregates: projectAggregates(organizationId, id) }, async (tx) => {
      await assertOrganization(tx, organizationId, projects);
      return { project: toProject(await deleteRow(tx, projects, id, etag, purgeAfterDays)) };
    });
  };
