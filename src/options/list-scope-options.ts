import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { withinPage } from "../db/page.ts";
import { ListScopeOptionsRequestSchema, type UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { type ScopeOptionRow, toScopeOption } from "./scope-option.mapping.ts";
import { scopeOptionColumns } from "./stored-scope-option.ts";
import { scopeOfTarget } from "./target.ts";
import { sentBytes } from "./value.ts";

/** ListScopeOptions: reads a page in one statement, along the unique key. */
export const listScopeOptions =
  ({
    db,
    freshness,
    pager,
    optionScopes,
  }: Pick<OptionDependencies, "db" | "freshness" | "pager" | "optionScopes">): Operation<
    typeof UserOptionService.method.listScopeOptions
  > =>
  async (call, request) => {
    const { kind, id } = scopeOfTarget(request.target);
    const page = pager(call, ListScopeOptionsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const [after = ""] = page.after ?? [];
    const rows = await db.session(call).rows(
      withinPage(sql<ScopeOptionRow>`
      select ${scopeOptionColumns} from scope_option o where o.scope_kind = ${kind} and o.scope_id = ${id} and o.key > ${after} and ${optionScopes.live}
      order by o.key limit ${page.size + 1}`),
    );
    const { rows: shown, nextPageToken } = page.cut(
      rows,
      ({ key }) => [key],
      ({ bytes, value }) => sentBytes(bytes, value),
    );
    return { options: shown.map(toScopeOption), nextPageToken };
  };
