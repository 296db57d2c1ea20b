import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { createRow } from "./change.ts";
import { teams } from "./kind.ts";
import { toTeam } from "./organization.mapping.ts";
import { assertOrganization } from "./stored.ts";

const method = OrganizationService.method.createTeam;

/** CreateTeam: locks the organization, so that a free slug stays free. */
export const createTeam =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { team } = request;
    if (team === undefined) throw invalidField("team", "is required");
    const { organizationId } = team;
    if (organizationId === 0n) throw invalidField("team.organization_id", "is required");
    return write(call, { method, request, aggregates: [organizationAggregate(organizationId)] }, async (tx) => {
      await assertOrganization(tx, organizationId);
      const row = await createRow(tx, { kind: teams, field: "team" }, team, organizationId);
      return { team: toTeam(row) };
    });
  };
