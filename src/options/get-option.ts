import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import type { OptionLoader } from "./option.loader.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeOf } from "./scope.ts";
import { jsonOf } from "./value.ts";

/** GetOption: one value of one scope. */
export const getOption =
  ({
    optionLoader,
    freshness,
  }: {
    optionLoader: OptionLoader;
    freshness: Freshness;
  }): Operation<typeof UserOptionService.method.getOption> =>
  async (call, request) => {
    const { userId, key, defaultValue, consistency } = request;
    // The default comes back as it is, so it has to be a value that an answer can hold.
    if (defaultValue !== undefined) jsonOf(defaultValue, "default_value");
    const checked = freshness.check(call, consistency);
    if (checked !== undefined) await checked;
    const { userFound, row } = await optionLoader.load(call, { userId, scope: scopeOf(request), key });
    if (!userFound) throw userNotFound();
    if (row === undefined) return { found: false, ...(defaultValue && { value: defaultValue }) };
    const option = toUserOption(row);
    return { found: true, option, ...(option.value && { value: option.value }) };
  };
