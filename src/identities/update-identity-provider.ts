import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import { IdentityProviderSchema } from "../gen/userd/v1/identity_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { jsonOf } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { globalAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { toIdentityProvider } from "./identity.mapping.ts";
import { assertNamed, providerNotFound } from "./provider.ts";

const method = UserService.method.updateIdentityProvider;

/** UpdateIdentityProvider: the fields of the mask; that there is one of a kind is a constraint. Equal values write nothing. */
export const updateIdentityProvider =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { provider: to } = request;
    if (to === undefined) throw invalidField("provider", "is required");
    const fields = maskedFields(IdentityProviderSchema, to, request.updateMask);
    if (fields.has("type")) assertNamed(to.type, "provider.type");
    const json = to.config === undefined ? null : jsonOf(to.config, "provider.config");
    return write(call, { method, request, aggregates: [globalAggregate] }, async (tx) => {
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
