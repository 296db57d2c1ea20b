import { sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { type Pager, withinPage } from "../db/page.ts";
import { ListAuthIdentitiesRequestSchema } from "../gen/userd/v1/auth_identity_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { toAuthIdentity } from "./identity.mapping.ts";
import { type AuthIdentityRow, linkBytes, linkColumns } from "./link.ts";

type App = { db: Database; freshness: Freshness; pager: Pager };

/** ListAuthIdentities: a page of the identities that the provider of an organization gave, by user. */
export const listAuthIdentities =
  ({ db, freshness, pager }: App): Operation<typeof UserService.method.listAuthIdentities> =>
  async (call, request) => {
    const { organizationId, userId } = request;
    const { size, after, cut } = pager(call, ListAuthIdentitiesRequestSchema, request);
    await freshness.check(call, request.consistency);
    const ofUser = userId === 0n ? sql`true` : sql`l.user_id = ${userId}`;
    const found = await db.session(call).rows(
      withinPage(sql<AuthIdentityRow>`
      select ${linkColumns.auth_identity} from auth_provider p join auth_identity l on l.provider_id = p.id
      where p.organization_id = ${organizationId} and l.user_id > ${after?.[0] ?? "0"} and ${ofUser}
      order by l.user_id limit ${size + 1}`),
    );
    const { rows, nextPageToken } = cut(found, (row) => [row.user_id], linkBytes);
    return { identities: rows.map(toAuthIdentity), nextPageToken };
  };
