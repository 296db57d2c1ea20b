import { sql } from "kysely";
import { stalenessOf } from "../cache/freshness.ts";
import type { Call, Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { aliveOptions, readUserOptions } from "./held-options.ts";
import { toUserOption } from "./option.mapping.ts";
import { alive, type OptionOfUser, optionColumns, optionsIn } from "./option.select.ts";
import { scopeConflict, scopeOf } from "./scope.ts";

/** All scopes of a user are no part that the cache keeps. */
const listAllScopes = async ({ db, optionScopes }: Pick<Dependencies, "db" | "optionScopes">, call: Call, userId: bigint) => {
  const { rows } = await sql<OptionOfUser>`
    select u.id as found_user, ${optionColumns}
    from users u left join user_option o on o.user_id = u.id and ${alive} and ${optionScopes.live}
    where u.id = ${userId}
    order by o.scope_kind, o.scope_id, o.key`.execute(db.sql, db.abort(call));
  if (rows.length === 0) throw userNotFound();
  return { options: optionsIn(rows).map(toUserOption) };
};

/** ListOptions: the options of one scope, from the cache, or of all of them. */
export const listOptions =
  (
    app: Pick<Dependencies, "db" | "userOptions" | "scopeOptions" | "optionScopes" | "freshness" | "databaseTime">,
  ): Operation<typeof UserOptionService.method.listOptions> =>
  async (call, request) => {
    const { userId, allScopes, projectId, organizationId, consistency } = request;
    if (allScopes) {
      if (projectId !== 0n || organizationId !== 0n) throw scopeConflict("all_scopes goes with neither project_id nor organization_id");
      await app.freshness.check(call, consistency);
      return listAllScopes(app, call, userId);
    }
    const reading = app.freshness.reading(consistency);
    const held = await readUserOptions(app, call, { userId, scope: scopeOf(request) }, reading);
    if (!held.userFound) throw userNotFound();
    return { options: aliveOptions(held, [], app.databaseTime).map(({ option }) => option), ...stalenessOf(reading) };
  };
