import { sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Pager } from "../db/page.ts";
import { ListScopeOptionsRequestSchema, type UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { type ScopeOptionRow, toScopeOption } from "./scope-option.mapping.ts";
import { scopeOptionColumns } from "./stored-scope-option.ts";
import { scopeOfTarget } from "./target.ts";

/** ListScopeOptions: one statement along the unique key. */
export const listScopeOptions =
  ({
    db,
    freshness,
    pager,
  }: {
    db: Database;
    freshness: Freshness;
    pager: Pager;
  }): Operation<typeof UserOptionService.method.listScopeOptions> =>
  async (call, request) => {
    const { kind, id } = scopeOfTarget(request.target);
    const page = pager(call, ListScopeOptionsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const [after = ""] = page.after ?? [];
    const { rows } = await sql<ScopeOptionRow>`
      select ${scopeOptionColumns} from scope_option o where o.scope_kind = ${kind} and o.scope_id = ${id} and o.key > ${after}
      order by o.key limit ${page.size + 1}`.execute(db.sql, db.abort(call));
    const { rows: shown, nextPageToken } = page.cut(rows, ({ key }) => [key]);
    return { options: shown.map(toScopeOption), nextPageToken };
  };
