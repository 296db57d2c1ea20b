import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Pager } from "../db/page.ts";
import { ListIdentityProvidersRequestSchema } from "../gen/users/v1/identity_pb.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { toIdentityProvider } from "./identity.mapping.ts";

type App = { db: Database; freshness: Freshness; pager: Pager };

/** ListIdentityProviders: a page of providers, by id. */
export const listIdentityProviders =
  ({ db, freshness, pager }: App): Operation<typeof UserService.method.listIdentityProviders> =>
  async (call, request) => {
    const { size, after, cut } = pager(call, ListIdentityProvidersRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await db.sql
      .selectFrom("identity_provider")
      .selectAll()
      .where("id", ">", BigInt(after?.[0] ?? 0))
      .$if(request.type !== "", (query) => query.where("type", "=", request.type))
      .orderBy("id")
      .limit(size + 1)
      .execute(db.abort(call));
    const { rows, nextPageToken } = cut(found, ({ id }) => [id]);
    return { providers: rows.map(toIdentityProvider), nextPageToken };
  };
