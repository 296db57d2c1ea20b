import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { notFound } from "../errors.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { etagOfLife, requireEtag } from "../versions/etag.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { requireWritable, withoutHiddenValue } from "./key-access.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeOf } from "./scope.ts";
import { storedOption } from "./stored-option.ts";

/** DeleteOption: deletes one option that a user has in one scope. */
export const deleteOption =
  ({ write, optionScopes, registry }: OptionDependencies): Operation<typeof UserOptionService.method.deleteOption> =>
  (call, request) => {
    const { userId, key, etag, allowMissing } = request;
    const option = { userId, key, scope: scopeOf(request) };
    return write(call, { method: UserOptionService.method.deleteOption, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      requireWritable(registry, call, key);
      await writableUser(tx, userId);
      const row = await storedOption(tx, optionScopes, option);
      requireEtag(etag, row && etagOfLife(row), "option");
      if (row === undefined) {
        if (allowMissing) return {};
        throw notFound("OPTION_NOT_FOUND", "There is no such option.");
      }
      await tx.rows(sql`delete from user_option where id = ${row.id}`);
      return { option: withoutHiddenValue(registry, call, toUserOption(row)) };
    });
  };
