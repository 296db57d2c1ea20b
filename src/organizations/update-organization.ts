import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { OrganizationSchema } from "../gen/userd/v1/organization_pb.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { updateRow } from "./change.ts";
import { organizations } from "./kind.ts";
import { toOrganization } from "./organization.mapping.ts";

const method = OrganizationService.method.updateOrganization;

/** UpdateOrganization: changes the fields of the mask and no others; equal values write nothing. */
export const updateOrganization =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { organization } = request;
    if (organization === undefined) throw invalidField("organization", "is required");
    const fields = maskedFields(OrganizationSchema, organization, request.updateMask);
    const { id, openMembership = true } = organization;
    const own = fields.has("openMembership") ? { open_membership: openMembership } : {};
    return write(call, { method, request, aggregates: [organizationAggregate(id)] }, async (tx) => {
      return {
        organization: toOrganization(await updateRow(tx, { kind: organizations, field: "organization", own }, id, organization, fields)),
      };
    });
  };
