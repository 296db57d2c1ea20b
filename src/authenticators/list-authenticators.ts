import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import { MAX_PAGE_SIZE } from "../db/page.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListAuthenticatorsRequestSchema } from "../gen/userd/v1/authenticator_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { userNotFound } from "../users/get-user.ts";
import { toAuthenticator } from "./authenticator.mapping.ts";

type Row = Selectable<Schema["authenticator"]>;
/** ListAuthenticators: a page of one user's authenticators, by type; a user without any is one row of nulls. */
export const listAuthenticators =
  ({
    db,
    freshness,
    vault,
    pager,
  }: Pick<Dependencies, "db" | "freshness" | "vault" | "pager">): Operation<typeof UserService.method.listAuthenticators> =>
  async (call, request) => {
    const page = pager(call, ListAuthenticatorsRequestSchema, request, MAX_PAGE_SIZE);
    await freshness.check(call, request.consistency);
    const [after = "-1"] = page.after ?? [];
    const rows = await db.session(call).rows(sql<Row | { id: null }>`
      select a.* from users u left join authenticator a on a.user_id = u.id and a.type > ${after}::int
      where u.id = ${request.userId} order by a.type limit ${page.size + 1}`);
    if (rows.length === 0) throw userNotFound();
    const found = rows.filter((row): row is Row => row.id !== null);
    const { rows: shown, nextPageToken } = page.cut(found, ({ type }) => [type]);
    return { authenticators: shown.map((row) => toAuthenticator(row, vault)), nextPageToken };
  };
