import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizations } from "../organizations/kind.ts";
import { storedById } from "../organizations/stored.ts";
import { requirePermission } from "../users/privileges.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { removeOrganization } from "./remove-scopes.ts";

const method = OrganizationService.method.purgeOrganization;

/** PurgeOrganization: at once, deleted before or not, with all that belongs to it. */
export const purgeOrganization =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { id, requestId, validateOnly } = request;
    return write(call, { method, request, aggregates: [organizationAggregate(id)], requestId, validateOnly }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await storedById(tx, organizations, id);
      for (const aggregate of await removeOrganization(tx, id)) tx.touch(aggregate);
      return {};
    });
  };
