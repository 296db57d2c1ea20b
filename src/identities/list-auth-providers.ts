import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Pager } from "../db/page.ts";
import { ListAuthProvidersRequestSchema } from "../gen/users/v1/auth_identity_pb.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { toAuthProvider } from "./identity.mapping.ts";

type App = { db: Database; freshness: Freshness; pager: Pager };

/** ListAuthProviders: a page of the providers of organizations, by id. */
export const listAuthProviders =
  ({ db, freshness, pager }: App): Operation<typeof UserService.method.listAuthProviders> =>
  async (call, request) => {
    const { size, after, cut } = pager(call, ListAuthProvidersRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await db.sql
      .selectFrom("auth_provider")
      .selectAll()
      .where("id", ">", BigInt(after?.[0] ?? 0))
      .$if(request.organizationId !== 0n, (query) => query.where("organization_id", "=", request.organizationId))
      .orderBy("id")
      .limit(size + 1)
      .execute(db.abort(call));
    const { rows, nextPageToken } = cut(found, ({ id }) => [id]);
    return { providers: rows.map(toAuthProvider), nextPageToken };
  };
