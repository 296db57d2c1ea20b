import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { undeleteRow } from "./change.ts";
import { organizations } from "./kind.ts";
import { toOrganization } from "./organization.mapping.ts";

const method = OrganizationService.method.undeleteOrganization;

/** UndeleteOrganization: restores the organization as it was before it was deleted. */
export const undeleteOrganization =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { id } = request;
    return write(call, { method, request, aggregates: [organizationAggregate(id)] }, async (tx) => {
      return { organization: toOrganization(await undeleteRow(tx, organizations, id)) };
    });
  };
