import { sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { toIdentity } from "./identity.mapping.ts";
import { type IdentityRow, linkColumns } from "./link.ts";

/** ListIdentities: the identities of one user; a user without any is one row of nulls. */
export const listIdentities =
  ({ db, freshness }: { db: Database; freshness: Freshness }): Operation<typeof UserService.method.listIdentities> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const { rows } = await sql<IdentityRow | { user_id: null }>`
      select ${linkColumns.identity} from users u left join identity l on l.user_id = u.id
      where u.id = ${request.userId} order by l.provider_id`.execute(db.sql, db.abort(call));
    if (rows.length === 0) throw userNotFound();
    return { identities: rows.filter((row): row is IdentityRow => row.user_id !== null).map(toIdentity) };
  };
