import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { notFound } from "../errors.ts";
import type { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { toScopeOption } from "./scope-option.mapping.ts";
import { storedScopeOption } from "./stored-scope-option.ts";
import { scopeOfTarget } from "./target.ts";

/** GetScopeOption: one statement. */
export const getScopeOption =
  ({
    db,
    freshness,
    optionScopes,
  }: Pick<Dependencies, "db" | "freshness" | "optionScopes">): Operation<typeof UserOptionService.method.getScopeOption> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const row = await storedScopeOption({ sql: db.sql, abort: db.abort(call) }, optionScopes, scopeOfTarget(request.target), request.key);
    if (row === undefined) throw notFound("OPTION_NOT_FOUND", "There is no such option.");
    return { option: toScopeOption(row) };
  };
