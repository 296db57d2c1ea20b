import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { jsonOf } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { globalAggregate } from "../versions/aggregate.ts";
import { toIdentityProvider } from "./identity.mapping.ts";
import { assertNamed } from "./provider.ts";

/** CreateIdentityProvider: that there is one of a kind is a constraint. */
export const createIdentityProvider =
  ({ write }: { write: Write }): Operation<typeof UserService.method.createIdentityProvider> =>
  (call, request) => {
    const { provider } = request;
    if (provider === undefined) throw invalidField("provider", "is required");
    const { type, externalId, config } = provider;
    assertNamed(type, "provider.type");
    const json = config === undefined ? null : jsonOf(config, "provider.config");
    return write(call, { method: UserService.method.createIdentityProvider, request, aggregates: [globalAggregate] }, async (tx) => {
      const row = await tx.one(sql<Selectable<Schema["identity_provider"]>>`
        insert into identity_provider (type, external_id, config) values (${type}, ${externalId}, ${json}::jsonb)
        returning *`);
      return { provider: toIdentityProvider(row) };
    });
  };
