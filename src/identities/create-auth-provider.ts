import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { jsonOf } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { ALLOW_UNLINKED, SCIM_ENABLED, toAuthProvider } from "./identity.mapping.ts";
import { assertNamed } from "./provider.ts";

/** CreateAuthProvider: that an organization has one at most is a constraint. */
export const createAuthProvider =
  ({ write }: { write: Write }): Operation<typeof UserService.method.createAuthProvider> =>
  (call, request) => {
    if (request.provider === undefined) throw invalidField("provider", "is required");
    const { organizationId, provider, config, defaultRole, defaultGlobalAccess, allowUnlinked, scimEnabled } = request.provider;
    if (organizationId === 0n) throw invalidField("provider.organization_id", "must be greater than 0");
    assertNamed(provider, "provider.provider");
    const flags = (allowUnlinked ? ALLOW_UNLINKED : 0n) | (scimEnabled ? SCIM_ENABLED : 0n);
    const json = config === undefined ? null : jsonOf(config, "provider.config");
    const plan = { method: UserService.method.createAuthProvider, request, aggregates: [organizationAggregate(organizationId)] };
    return write(call, plan, async (tx) => {
      const row = await tx.one(sql<Selectable<Schema["auth_provider"]>>`
        insert into auth_provider (organization_id, provider, config, default_role, default_global_access, flags)
        values (${organizationId}, ${provider}, ${json}::jsonb, ${defaultRole ?? null}, ${defaultGlobalAccess}, ${flags})
        returning *`);
      return { provider: toAuthProvider(row) };
    });
  };
