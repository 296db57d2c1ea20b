import { type Selectable, sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { type Pager, type Sized, withinPage } from "../db/page.ts";
import { ListIdentityProvidersRequestSchema } from "../gen/userd/v1/identity_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { sentBytes } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { toIdentityProvider } from "./identity.mapping.ts";

type App = { db: Database; freshness: Freshness; pager: Pager };

/** ListIdentityProviders: a page of providers, by id. */
export const listIdentityProviders =
  ({ db, freshness, pager }: App): Operation<typeof UserService.method.listIdentityProviders> =>
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
