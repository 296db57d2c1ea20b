import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { TeamSchema } from "../gen/userd/v1/team_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { updateRow } from "./change.ts";
import { teams } from "./kind.ts";
import { toTeam } from "./organization.mapping.ts";
import { assertOrganization, organizationOf } from "./stored.ts";

const method = OrganizationService.method.updateTeam;

/** UpdateTeam: changes the fields of the mask and no others; equal values write nothing. */
export const updateTeam =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { team } = request;
    if (team === undefined) throw invalidField("team", "is required");
    const fields = maskedFields(TeamSchema, team, request.updateMask);
    const { id } = team;
    const organizationId = await organizationOf(db, call, teams, id);
    return write(call, { method, request, aggregates: [organizationAggregate(organizationId)] }, async (tx) => {
      await assertOrganization(tx, organizationId, teams);
      return { team: toTeam(await updateRow(tx, { kind: teams, field: "team" }, id, team, fields)) };
    });
  };
