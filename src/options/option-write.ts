import type { Timestamp, Value } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../errors.ts";
import { momentOf } from "../moment.ts";
import type { OptionWrite } from "./changed-options.ts";
import type { OptionRegistry } from "./registry/registry.ts";
import { type ScopeFields, scopeOf } from "./scope.ts";
import { jsonOf } from "./value.ts";

/** The option that a request asks to store. */
type Requested = ScopeFields & { readonly key: string; readonly value?: Value | undefined; readonly expireTime?: Timestamp | undefined };

const expireTimeOf = (time: Timestamp | undefined, field: string): Date | null => {
  if (time === undefined) return null;
  const moment = momentOf(time);
  if (moment.getTime() <= Date.now()) throw invalidField(field, "must be in the future");
  return moment;
};

/**
 * Checks the value and the expire_time of an option in a request, and returns the `OptionWrite` that stores the option. Call this inside the
 * RPC's transaction, or catch the error: a repeated request_id has to get its first answer, even if the checks fail now.
 * @param prefix the path of the option in the request, for errors: "" or "changes[3].set."
 * @throws INVALID_ARGUMENT with a reason of the value or of the registry.
 */
export const optionWriteOf = (registry: OptionRegistry, userId: bigint, requested: Requested, prefix = ""): OptionWrite => {
  const { key, value, expireTime } = requested;
  const field = `${prefix}value`;
  if (value === undefined) throw invalidField(field, "is required");
  const json = jsonOf(value, field);
  const scope = scopeOf(requested);
  registry.assertFits({ key, json, scopeKind: scope.kind, field });
  return { userId, scope, key, json, expireTime: expireTimeOf(expireTime, `${prefix}expire_time`) };
};
