import { type Selectable, sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { type Pager, type Sized, withinPage } from "../db/page.ts";
import { ListAuthProvidersRequestSchema } from "../gen/userd/v1/auth_identity_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { sentBytes } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { toAuthProvider } from "./identity.mapping.ts";

type App = { db: Database; freshness: Freshness; pager: Pager };

/** ListAuthProviders: a page of the providers of organizations, by id. */
export const listAuthProviders =
  ({ db, freshness, pager }: App): Operation<typeof UserService.method.listAuthProviders> =>
  async (call, request) => {
    const { size, after, cut } = pager(call, ListAuthProvidersRequestSchema, request);
    await freshness.check(call, request.consistency);
    const which = request.organizationId === 0n ? sql`true` : sql`p.organization_id = ${request.organizationId}`;
    const found = await db.session(call).rows(
      withinPage(sql<Selectable<Schema["auth_provider"]> & Sized>`
      select p.*, octet_length(p.config::text) as bytes from auth_provider p
      where p.id > ${after?.[0] ?? "0"}::bigint and ${which} order by p.id limit ${size + 1}`),
    );
    const { rows, nextPageToken } = cut(
      found,
      ({ id }) => [id],
      ({ bytes, config }) => sentBytes(bytes ?? 0, config),
    );
    return { providers: rows.map(toAuthProvider), nextPageToken };
  };
