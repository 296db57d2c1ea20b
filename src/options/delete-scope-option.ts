import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { notFound } from "../errors.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { etagOfLife, requireEtag } from "../versions/etag.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { toScopeOption } from "./scope-option.mapping.ts";
import { storedScopeOption } from "./stored-scope-option.ts";
import { aggregateOfScope, scopeOfTarget } from "./target.ts";

/** DeleteScopeOption: deletes one option of a scope; users have at once what it hid or overrode. */
export const deleteScopeOption =
  ({
    write,
    optionScopes,
  }: Pick<OptionDependencies, "write" | "optionScopes">): Operation<typeof UserOptionService.method.deleteScopeOption> =>
  (call, request) => {
    const { key, etag, allowMissing } = request;
    const scope = scopeOfTarget(request.target);
    const method = UserOptionService.method.deleteScopeOption;
    return write(call, { method, request, aggregates: [aggregateOfScope(scope)] }, async (tx) => {
      const row = await storedScopeOption(tx, optionScopes, scope, key);
      requireEtag(etag, row && etagOfLife(row), "option");
      if (row === undefined) {
        if (allowMissing) return {};
        throw notFound("OPTION_NOT_FOUND", "There is no such option.");
      }
      await tx.rows(sql`delete from scope_option where id = ${row.id}`);
      return { option: toScopeOption(row) };
    });
  };
