import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { MAX_PAGE_SIZE, withinPage } from "../db/page.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListIdentitiesRequestSchema } from "../gen/userd/v1/identity_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { toIdentity } from "./identity.mapping.ts";
import { type IdentityRow, linkBytes, linkColumns } from "./link.ts";

/** ListIdentities: a page of the identities of one user, by provider; a user without any is one row of nulls. */
export const listIdentities =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof UserService.method.listIdentities> =>
  async (call, request) => {
    const page = pager(call, ListIdentitiesRequestSchema, request, MAX_PAGE_SIZE);
    await freshness.check(call, request.consistency);
    const [after = "0"] = page.after ?? [];
    const rows = await db.session(call).rows(
      withinPage(sql<IdentityRow | { user_id: null }>`
      select ${linkColumns.identity} from users u left join identity l on l.user_id = u.id and l.provider_id > ${after}::bigint
      where u.id = ${request.userId} order by l.provider_id limit ${page.size + 1}`),
    );
    if (rows.length === 0) throw userNotFound();
    const found = rows.filter((row): row is IdentityRow => row.user_id !== null);
    const { rows: shown, nextPageToken } = page.cut(found, ({ provider_id }) => [provider_id], linkBytes);
    return { identities: shown.map(toIdentity), nextPageToken };
  };
