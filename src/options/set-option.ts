import type { Operation } from "../call.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { etagOfLife, requireEtag } from "../versions/etag.ts";
import { createTogether } from "./changed-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { requireWritable, withoutHiddenValue } from "./key-access.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeNotFound } from "./option-scopes.ts";
import { optionWriteOf } from "./option-write.ts";
import { storeOptions } from "./store.ts";
import { storedOption } from "./stored-option.ts";
import { assertVerified, needsVerified } from "./verified-email.ts";

/** SetOption: stores one option of a user. If an equal value is stored already, it writes nothing. */
export const setOption = ({
  write,
  registry,
  optionScopes,
  quotas,
}: Pick<OptionDependencies, "write" | "registry" | "optionScopes" | "quotas">): Operation<typeof UserOptionService.method.setOption> => {
  const method = UserOptionService.method.setOption;
  const app = { optionScopes, quotas, together: createTogether(quotas) };
  return (call, request) => {
    const { userId, etag } = request;
    // Others would have to wait while it asks more.
    const mayJoin = etag === "" && !needsVerified(registry, request.key);
    return write(call, { method, request, aggregates: [userAggregate(userId)], mayJoin }, async (tx) => {
      requireWritable(registry, call, request.key);
      const option = optionWriteOf(registry, userId, request);
      const before = etag === "" ? undefined : await storedOption(tx, optionScopes, option);
      requireEtag(etag, before && etagOfLife(before), "option");
      const [stored] = await storeOptions(tx, app, [option]);
      // The statement stores nothing for a user that can't be written, and nothing that is there already.
      if (!stored?.changed) await writableUser(tx, userId);
      if (stored === undefined) throw scopeNotFound();
      await assertVerified(tx, registry, [option]);
      const { row, created, changed } = stored;
      return { option: withoutHiddenValue(registry, call, toUserOption(row)), created, changed, locked: row.locked };
    });
  };
};
