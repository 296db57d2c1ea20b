import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { undeleteRow } from "./change.ts";
import { teams } from "./kind.ts";
import { toTeam } from "./organization.mapping.ts";
import { assertOrganization, organizationOf } from "./stored.ts";

const method = OrganizationService.method.undeleteTeam;

/** UndeleteTeam: restores the team as it was before it was deleted. */
export const undeleteTeam =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { id } = request;
    const organizationId = await organizationOf(db, call, teams, id);
    return write(call, { method, request, aggregates: [organizationAggregate(organizationId)] }, async (tx) => {
      await assertOrganization(tx, organizationId, teams);
      return { team: toTeam(await undeleteRow(tx, teams, id)) };
    });
  };
