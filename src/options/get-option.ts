import { sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { toUserOption } from "./option.mapping.ts";
import { alive, type OptionOfUser, optionColumns, optionsIn } from "./option.select.ts";
import { scopeOf } from "./scope.ts";
import { jsonOf } from "./value.ts";

/** GetOption: one statement tells whether there is such a user and what it has stored. */
export const getOption =
  ({ db, freshness }: { db: Database; freshness: Freshness }): Operation<typeof UserOptionService.method.getOption> =>
  async (call, request) => {
    const { userId, key, defaultValue } = request;
    // The default comes back as it is, so it has to be a value that an answer can hold.
    if (defaultValue !== undefined) jsonOf(defaultValue, "default_value");
    const scope = scopeOf(request);
    await freshness.check(call, request.consistency);
    const { rows } = await sql<OptionOfUser>`
      select u.id as found_user, ${optionColumns}
      from users u
      left join user_option o
        on o.user_id = u.id and o.scope_kind = ${scope.kind} and o.scope_id = ${scope.id} and o.key = ${key} and ${alive}
      where u.id = ${userId}`.execute(db.sql, db.abort(call));
    if (rows.length === 0) throw userNotFound();
    const [row] = optionsIn(rows);
    if (row === undefined) return { found: false, ...(defaultValue && { value: defaultValue }) };
    const option = toUserOption(row);
    return { found: true, option, ...(option.value && { value: option.value }) };
  };
