import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { ProjectSchema } from "../gen/userd/v1/project_pb.ts";
import { updateRow } from "./change.ts";
import { projects } from "./kind.ts";
import { toProject } from "./organization.mapping.ts";
import { assertOrganization, organizationOf, projectAggregates } from "./stored.ts";

const method = OrganizationService.method.updateProject;

/** UpdateProject: changes the fields of the mask and no others; equal values write nothing. */
export const updateProject =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { project } = request;
    if (project === undefined) throw invalidField("project", "is required");
    const fields = maskedFields(ProjectSchema, project, request.updateMask);
    const { id } = project;
    const organizationId = await organizationOf(db, call, projects, id);
    return write(call, { method, request, aggregates: projectAggregates(organizationId, id) }, async (tx) => {
      await assertOrganization(tx, organizationId, projects);
      return { project: toProject(await updateRow(tx, { kind: projects, field: "project" }, id, project, fields)) };
    });
  };
