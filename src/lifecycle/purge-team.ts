import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { teams } from "../organizations/kind.ts";
import { organizationOf, storedById } from "../organizations/stored.ts";
import { requirePermission } from "../users/privileges.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { removeTeam } from "./remove-scopes.ts";

const method = OrganizationService.method.purgeTeam;

/** PurgeTeam: at once, deleted before or not. */
export const purgeTeam =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { id, requestId, validateOnly } = request;
    const organizationId = await organizationOf(db, call, teams, id);
    return write(call, { method, request, aggregates: [organizationAggregate(organizationId)], requestId, validateOnly }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await storedById(tx, teams, id);
      await removeTeam(tx, id);
      return {};
    });
  };
