import { type Selectable, sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database, Schema } from "../db/orm.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import type { Vault } from "../secrets.ts";
import { userNotFound } from "../users/get-user.ts";
import { toAuthenticator } from "./authenticator.mapping.ts";

type Row = Selectable<Schema["authenticator"]>;
type App = { db: Database; freshness: Freshness; vault: Vault };

/** ListAuthenticators: the second factors of one user; a user without any is one row of nulls. */
export const listAuthenticators =
  ({ db, freshness, vault }: App): Operation<typeof UserService.method.listAuthenticators> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const { rows } = await sql<Row | { id: null }>`
      select a.* from users u left join authenticator a on a.user_id = u.id where u.id = ${request.userId} order by a.type`.execute(
      db.sql,
      db.abort(call),
    );
    if (rows.length === 0) throw userNotFound();
    const authenticators = rows.filter((row): row is Row => row.id !== null).map((row) => toAuthenticator(row, vault));
    return { authenticators };
  };
