import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { toUserOption } from "./option.mapping.ts";
import { alive, type OptionOfUser, optionColumns, optionsIn } from "./option.select.ts";
import { scopeConflict, scopeOf } from "./scope.ts";

/** ListOptions: the options of one scope, or of all of them. */
export const listOptions =
  ({
    db,
    freshness,
    optionScopes,
  }: Pick<Dependencies, "db" | "freshness" | "optionScopes">): Operation<typeof UserOptionService.method.listOptions> =>
  async (call, request) => {
    const { userId, allScopes, projectId, organizationId } = request;
    if (allScopes && (projectId !== 0n || organizationId !== 0n)) {
      throw scopeConflict("all_scopes goes with neither project_id nor organization_id");
    }
    const scope = scopeOf(request);
    await freshness.check(call, request.consistency);
    const { rows } = await sql<OptionOfUser>`
      select u.id as found_user, ${optionColumns}
      from users u
      left join user_option o
        on o.user_id = u.id and ${alive} and ${optionScopes.live}
        and (${allScopes}::boolean or (o.scope_kind = ${scope.kind} and o.scope_id = ${scope.id}))
      where u.id = ${userId}
      order by o.scope_kind, o.scope_id, o.key`.execute(db.sql, db.abort(call));
    if (rows.length === 0) throw userNotFound();
    return { options: optionsIn(rows).map(toUserOption) };
  };
