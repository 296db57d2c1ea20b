import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { AuthProviderSchema } from "../gen/userd/v1/auth_identity_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { jsonOf } from "../options/value.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { ALLOW_UNLINKED, SCIM_ENABLED, toAuthProvider } from "./identity.mapping.ts";
import { assertNamed, providerNotFound } from "./provider.ts";

const method = UserService.method.updateAuthProvider;

const withBit = (flags: bigint, bit: bigint, isSet: boolean): bigint => (isSet ? flags | bit : flags & ~bit);

/** UpdateAuthProvider: the fields of the mask. Whose provider it is never changes. Equal values write nothing. */
export const updateAuthProvider =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { provider: to } = request;
    if (to === undefined) throw invalidField("provider", "is required");
    const fields = maskedFields(AuthProviderSchema, to, request.updateMask);
    if (fields.has("provider")) assertNamed(to.provider, "provider.provider");
    const json = to.config === undefined ? null : jsonOf(to.config, "provider.config");
    const known = await db.session(call).row(db.sql.selectFrom("auth_provider").select("organization_id").where("id", "=", to.id));
    if (known === undefined) throw providerNotFound();
    return write(call, { method, request, aggregates: [organizationAggregate(known.organization_id)] }, async (tx) => {
      const stored = () => tx.row(tx.sql.selectFrom("auth_provider").selectAll().where("id", "=", to.id));
      const row = await stored();
      if (row === undefined) throw providerNotFound();
      requireEtag(to.etag, etagOf(row), "provider");
      if (fields.has("organizationId") && to.organizationId !== row.organization_id) {
        throw failedPrecondition("IMMUTABLE_FIELD", "The organization of a provider can't be changed.");
      }
      const provider = fields.has("provider") ? to.provider : row.provider;
      const config = fields.has("config") ? sql`${json}::jsonb` : sql`config`;
      const role = fields.has("defaultRole") ? (to.defaultRole ?? null) : row.default_role;
      const access = fields.has("defaultGlobalAccess") ? to.defaultGlobalAccess : row.default_global_access;
      const linked = fields.has("allowUnlinked") ? withBit(row.flags, ALLOW_UNLINKED, to.allowUnlinked) : row.flags;
      const flags = fields.has("scimEnabled") ? withBit(linked, SCIM_ENABLED, to.scimEnabled) : linked;
      await tx.rows(sql`
        update auth_provider set provider = ${provider}, config = ${config}, default_role = ${role}, default_global_access = ${access},
          flags = ${flags}, version = version + 1
        where id = ${to.id} and (provider, config, default_role, default_global_access, flags)
          is distinct from (${provider}::text, ${config}, ${role}::int, ${access}::boolean, ${flags}::bigint)`);
      return { provider: toAuthProvider((await stored()) ?? row) };
    });
  };
