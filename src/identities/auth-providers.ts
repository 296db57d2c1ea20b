import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { LookUpLocks } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { AuthProviderSchema, ListAuthProvidersRequestSchema } from "../gen/userd/v1/auth_identity_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { ALLOW_UNLINKED, SCIM_ENABLED, toAuthProvider } from "./identity.mapping.ts";
import { assertNamed, configJson, deleteProvider, providersOf, storedProvider } from "./provider.ts";

const { method } = UserService;

/** CreateAuthProvider: stores the sign-in provider of an organization. A constraint refuses a second provider for the organization. */
export const createAuthProvider =
  ({ write }: Dependencies): Operation<typeof method.createAuthProvider> =>
  (call, request) => {
    if (request.provider === undefined) throw invalidField("provider", "is required");
    const { organizationId, provider, config, defaultRole, defaultGlobalAccess, allowUnlinked, scimEnabled } = request.provider;
    if (organizationId === 0n) throw invalidField("provider.organization_id", "must be greater than 0");
    assertNamed(provider, "provider.provider");
    const flags = (allowUnlinked ? ALLOW_UNLINKED : 0n) | (scimEnabled ? SCIM_ENABLED : 0n);
    const json = configJson(config);
    return write(call, { method: method.createAuthProvider, request, aggregates: [organizationAggregate(organizationId)] }, async (tx) => {
      const row = await tx.one(sql<Selectable<Schema["auth_provider"]>>`
        insert into auth_provider (organization_id, provider, config, default_role, default_global_access, flags)
        values (${organizationId}, ${provider}, ${json}::jsonb, ${defaultRole ?? null}, ${defaultGlobalAccess}, ${flags})
        returning *`);
      return { provider: toAuthProvider(row) };
    });
  };

/** ListAuthProviders: returns a page of the sign-in providers of organizations, ordered by id. */
export const listAuthProviders =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listAuthProviders> =>
  async (call, request) => {
    const page = pager(call, ListAuthProvidersRequestSchema, request);
    await freshness.check(call, request.consistency);
    const which = request.organizationId === 0n ? sql`true` : sql`p.organization_id = ${request.organizationId}`;
    const { rows, nextPageToken } = await providersOf(db.session(call), "auth_provider", page, which);
    return { providers: rows.map(toAuthProvider), nextPageToken };
  };

/** Makes the function that looks up the organization to lock: that of a provider, which never changes; none if the provider is gone. */
const organizationLock =
  (id: bigint): LookUpLocks =>
  async (session) => {
    const known = await session.row(session.sql.selectFrom("auth_provider").select("organization_id").where("id", "=", id));
    return known === undefined ? [] : [organizationAggregate(known.organization_id)];
  };

const withBit = (flags: bigint, bit: bigint, isSet: boolean): bigint => (isSet ? flags | bit : flags & ~bit);

/**
 * UpdateAuthProvider: changes the sign-in provider of an organization, in the fields that the update_mask names. Nothing is written if all
 * values equal the stored ones.
 */
export const updateAuthProvider =
  ({ write }: Dependencies): Operation<typeof method.updateAuthProvider> =>
  (call, request) => {
    const { provider: to } = request;
    if (to === undefined) throw invalidField("provider", "is required");
    const fields = maskedFields(AuthProviderSchema, to, request.updateMask);
    if (fields.has("provider")) assertNamed(to.provider, "provider.provider");
    const json = configJson(to.config);
    return write(call, { method: method.updateAuthProvider, request, aggregates: organizationLock(to.id) }, async (tx) => {
      const row = await storedProvider(tx, "auth_provider", to.id);
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
      return { provider: toAuthProvider(await storedProvider(tx, "auth_provider", to.id)) };
    });
  };

/** DeleteAuthProvider: deletes the sign-in provider of an organization and, with `force`, the provider's auth identities. */
export const deleteAuthProvider =
  ({ write }: Dependencies): Operation<typeof method.deleteAuthProvider> =>
  (call, request) =>
    write(call, { method: method.deleteAuthProvider, request, aggregates: organizationLock(request.id) }, async (tx) => ({
      removedIdentities: await deleteProvider(tx, "auth_provider", request),
    }));
