import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { IdentityProviderSchema, ListIdentityProvidersRequestSchema } from "../gen/userd/v1/identity_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { globalAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { toIdentityProvider } from "./identity.mapping.ts";
import { assertNamed, configJson, deleteProvider, providersOf, storedProvider } from "./provider.ts";

const { method } = UserService;

/** CreateIdentityProvider: stores an identity provider. A constraint refuses a second one of the same type and external id. */
export const createIdentityProvider =
  ({ write }: Dependencies): Operation<typeof method.createIdentityProvider> =>
  (call, request) => {
    const { provider } = request;
    if (provider === undefined) throw invalidField("provider", "is required");
    const { type, externalId, config } = provider;
    assertNamed(type, "provider.type");
    const json = configJson(config);
    return write(call, { method: method.createIdentityProvider, request, aggregates: [globalAggregate] }, async (tx) => {
      const row = await tx.one(sql<Selectable<Schema["identity_provider"]>>`
        insert into identity_provider (type, external_id, config) values (${type}, ${externalId}, ${json}::jsonb)
        returning *`);
      return { provider: toIdentityProvider(row) };
    });
  };

/** ListIdentityProviders: returns a page of identity providers, ordered by id. */
export const listIdentityProviders =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listIdentityProviders> =>
  async (call, request) => {
    const page = pager(call, ListIdentityProvidersRequestSchema, request);
    await freshness.check(call, request.consistency);
    const which = request.type === "" ? sql`true` : sql`p.type = ${request.type}`;
    const { rows, nextPageToken } = await providersOf(db.session(call), "identity_provider", page, which);
    return { providers: rows.map(toIdentityProvider), nextPageToken };
  };

/**
 * UpdateIdentityProvider: changes an identity provider, in the fields that the update_mask names. Type and external id together have to stay
 * unique.
 */
export const updateIdentityProvider =
  ({ write }: Dependencies): Operation<typeof method.updateIdentityProvider> =>
  (call, request) => {
    const { provider: to } = request;
    if (to === undefined) throw invalidField("provider", "is required");
    const fields = maskedFields(IdentityProviderSchema, to, request.updateMask);
    if (fields.has("type")) assertNamed(to.type, "provider.type");
    const json = configJson(to.config);
    return write(call, { method: method.updateIdentityProvider, request, aggregates: [globalAggregate] }, async (tx) => {
      const row = await storedProvider(tx, "identity_provider", to.id);
      requireEtag(to.etag, etagOf(row), "provider");
      const type = fields.has("type") ? to.type : row.type;
      const externalId = fields.has("externalId") ? to.externalId : row.external_id;
      const config = fields.has("config") ? sql`${json}::jsonb` : sql`config`;
      await tx.rows(sql`
        update identity_provider set type = ${type}, external_id = ${externalId}, config = ${config}, version = version + 1
        where id = ${to.id} and (type, external_id, config) is distinct from (${type}::text, ${externalId}::text, ${config})`);
      return { provider: toIdentityProvider(await storedProvider(tx, "identity_provider", to.id)) };
    });
  };

/** DeleteIdentityProvider: deletes an identity provider, and with `force` its identities. Returns the number of deleted identities. */
export const deleteIdentityProvider =
  ({ write }: Dependencies): Operation<typeof method.deleteIdentityProvider> =>
  (call, request) =>
    write(call, { method: method.deleteIdentityProvider, request, aggregates: [globalAggregate] }, async (tx) => ({
      removedIdentities: await deleteProvider(tx, "identity_provider", request),
    }));
