import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { deleteRow } from "./change.ts";
import { teams } from "./kind.ts";
import { toTeam } from "./organization.mapping.ts";
import { assertOrganization, organizationOf } from "./stored.ts";

const method = OrganizationService.method.deleteTeam;

/** DeleteTeam: all that belongs to the team stays until the grace period ends (lifecycle/purger.ts). */
export const deleteTeam =
  ({ db, write, purgeAfterDays }: Pick<Dependencies, "db" | "write" | "purgeAfterDays">): Operation<typeof method> =>
  async (call, request) => {
    const { id, etag } = request;
    const organizationId = await organizationOf(db, call, teams, id);
    return write(call, { method, request, aggregates: [organizationAggregate(organizationId)] }, async (tx) => {
      await assertOrganization(tx, organizationId, teams);
      return { team: toTeam(await deleteRow(tx, teams, id, etag, purgeAfterDays)) };
    });
  };
