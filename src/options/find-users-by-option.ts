import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { failedPrecondition } from "../errors.ts";
import { FindUsersByOptionRequestSchema, type UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { requireReadable } from "./key-access.ts";
import { alive } from "./option.select.ts";
import { scopeOf } from "./scope.ts";
import { jsonOf } from "./value.ts";

/** FindUsersByOption: reads a page of the ids of users whose option has a given value, by the index of the option's key (option-index.ts). */
export const findUsersByOption =
  ({ db, freshness, registry, pager, optionScopes }: OptionDependencies): Operation<typeof UserOptionService.method.findUsersByOption> =>
  async (call, request) => {
    const { key, equals } = request;
    requireReadable(registry, call, key);
    if (!registry.get(key)?.indexed) {
      throw failedPrecondition("QUERY_NOT_INDEXED", `The definition of the option ${key} does not say that it is indexed.`, {
        metadata: { key },
      });
    }
    const scope = scopeOf(request);
    const json = equals === undefined ? "null" : jsonOf(equals, "equals");
    await freshness.check(call, request.consistency);
    const page = pager(call, FindUsersByOptionRequestSchema, request);
    const [after = "0"] = page.after ?? [];
    // The key stands in the text of the statement, as in the index: only then can the planner see that they match.
    const rows = await db.session(call).rows(sql<{ user_id: bigint }>`
      select o.user_id from user_option o
      where o.key = ${sql.lit(key)} and o.scope_kind = ${scope.kind} and o.scope_id = ${scope.id}
        and jsonb_hash_extended(o.value, 0) = jsonb_hash_extended(${json}::jsonb, 0) and o.value = ${json}::jsonb
        and o.user_id > ${after} and ${alive} and ${optionScopes.live}
      order by o.user_id limit ${page.size + 1}`);
    const { rows: found, nextPageToken } = page.cut(rows, ({ user_id }) => [user_id]);
    return { userIds: found.map(({ user_id }) => user_id), nextPageToken };
  };
