import { type Selectable, sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Database } from "../db/orm.ts";
import { type Pager, type Sized, withinPage } from "../db/page.ts";
import type { Write } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { IdentityProviderSchema, ListIdentityProvidersRequestSchema } from "../gen/userd/v1/identity_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { jsonOf, sentBytes } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { globalAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { toIdentityProvider } from "./identity.mapping.ts";
import { assertNamed, deleteProvider, providerNotFound } from "./provider.ts";

const { method } = UserService;

/** CreateIdentityProvider: that there is one of a kind is a constraint. */
export const createIdentityProvider =
  ({ write }: { write: Write }): Operation<typeof method.createIdentityProvider> =>
  (call, request) => {
    const { provider } = request;
    if (provider === undefined) throw invalidField("provider", "is required");
    const { type, externalId, config } = provider;
    assertNamed(type, "provider.type");
    const json = config === undefined ? null : jsonOf(config, "provider.config");
    return write(call, { method: method.createIdentityProvider, request, aggregates: [globalAggregate] }, async (tx) => {
      const row = await tx.one(sql<Selectable<Schema["identity_provider"]>>`
        insert into identity_provider (type, external_id, config) values (${type}, ${externalId}, ${json}::jsonb)
        returning *`);
      return { provider: toIdentityProvider(row) };
    });
  };

type App = { db: Database; freshness: Freshness; pager: Pager };

/** ListIdentityProviders: a page of providers, by id. */
export const listIdentityProviders =
  ({ db, freshness, pager }: App): Operation<typeof method.listIdentityProviders> =>
  async (call, request) => {
    const { size, after, cut } = pager(call, ListIdentityProvidersRequestSchema, request);
    await freshness.check(call, request.consistency);
    const which = request.type === "" ? sql`true` : sql`p.type = ${request.type}`;
    const found = await db.session(call).rows(
      withinPage(sql<Selectable<Schema["identity_provider"]> & Sized>`
      select p.*, octet_length(p.config::text) as bytes from identity_provider p
      where p.id > ${after?.[0] ?? "0"}::bigint and ${which} order by p.id limit ${size + 1}`),
    );
    const { rows, nextPageToken } = cut(
      found,
      ({ id }) => [id],
      ({ bytes, config }) => sentBytes(bytes ?? 0, config),
    );
    return { providers: rows.map(toIdentityProvider), nextPageToken };
  };

/** UpdateIdentityProvider: the fields of the mask; that there is one of a kind is a constraint. Equal values write nothing. */
export const updateIdentityProvider =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method.updateIdentityProvider> =>
  (call, request) => {
    const { provider: to } = request;
    if (to === undefined) throw invalidField("provider", "is required");
    const fields = maskedFields(IdentityProviderSchema, to, request.updateMask);
    if (fields.has("type")) assertNamed(to.type, "provider.type");
    const json = to.config === undefined ? null : jsonOf(to.config, "provider.config");
    return write(call, { method: method.updateIdentityProvider, request, aggregates: [globalAggregate] }, async (tx) => {
      const stored = () => tx.row(tx.sql.selectFrom("identity_provider").selectAll().where("id", "=", to.id));
      const row: Selectable<Schema["identity_provider"]> | undefined = await stored();
      if (row === undefined) throw providerNotFound();
      requireEtag(to.etag, etagOf(row), "provider");
      const type = fields.has("type") ? to.type : row.type;
      const externalId = fields.has("externalId") ? to.externalId : row.external_id;
      const config = fields.has("config") ? sql`${json}::jsonb` : sql`config`;
      await tx.rows(sql`
        update identity_provider set type = ${type}, external_id = ${externalId}, config = ${config}, version = version + 1
        where id = ${to.id} and (type, external_id, config) is distinct from (${type}::text, ${externalId}::text, ${config})`);
      return { provider: toIdentityProvider((await stored()) ?? row) };
    });
  };

/** DeleteIdentityProvider: the provider, and with force what it calls users. Its config is a secret, and no answer to keep. */
export const deleteIdentityProvider =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method.deleteIdentityProvider> =>
  (call, request) => {
    return write(call, { method: method.deleteIdentityProvider, request, aggregates: [globalAggregate] }, async (tx) => ({
      removedIdentities: await deleteProvider(tx, "identity_provider", request),
    }));
  };
