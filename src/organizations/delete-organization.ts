import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { deleteRow } from "./change.ts";
import { organizations } from "./kind.ts";
import { toOrganization } from "./organization.mapping.ts";

const method = OrganizationService.method.deleteOrganization;

/** DeleteOrganization: all that belongs to the organization stays until the grace period ends (lifecycle/purger.ts). */
export const deleteOrganization =
  ({ write, purgeAfterDays }: Pick<Dependencies, "write" | "purgeAfterDays">): Operation<typeof method> =>
  (call, request) => {
    const { id, etag } = request;
    return write(call, { method, request, aggregates: [organizationAggregate(id)] }, async (tx) => {
      return { organization: toOrganization(await deleteRow(tx, organizations, id, etag, purgeAfterDays)) };
    });
  };
