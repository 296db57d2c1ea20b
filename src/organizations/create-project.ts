import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { createRow } from "./change.ts";
import { projects } from "./kind.ts";
import { toProject } from "./organization.mapping.ts";
import { assertOrganization, projectAggregate } from "./stored.ts";

const method = OrganizationService.method.createProject;

/** CreateProject: locks the organization, so that a free slug stays free. */
export const createProject =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { project } = request;
    if (project === undefined) throw invalidField("project", "is required");
    const { organizationId } = project;
    if (organizationId === 0n) throw invalidField("project.organization_id", "is required");
    return write(call, { method, request, aggregates: [organizationAggregate(organizationId)] }, async (tx) => {
      await assertOrganization(tx, organizationId);
      const row = await createRow(tx, { kind: projects, field: "project" }, project, organizationId);
      tx.touch(projectAggregate(row.id));
      return { project: toProject(row) };
    });
  };
