import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { projects } from "../organizations/kind.ts";
import { organizationOf, projectAggregates, storedById } from "../organizations/stored.ts";
import { requirePermission } from "../users/privileges.ts";
import { removeProject } from "./remove-scopes.ts";

const method = OrganizationService.method.purgeProject;

/** PurgeProject: at once, deleted before or not, with the options of its scope. */
export const purgeProject =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { id, requestId, validateOnly } = request;
    const organizationId = await organizationOf(db, call, projects, id);
    return write(call, { method, request, aggregates: projectAggregates(organizationId, id), requestId, validateOnly }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await storedById(tx, projects, id);
      for (const aggregate of await removeProject(tx, id)) tx.touch(aggregate);
      return {};
    });
  };
