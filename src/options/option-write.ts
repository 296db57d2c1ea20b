import type { JsonValue } from "@bufbuild/protobuf";
import type { Timestamp, Value } from "@bufbuild/protobuf/wkt";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../errors.ts";
import type { OptionRegistry } from "./registry/registry.ts";
import { type ScopeFields, scopeOf } from "./scope.ts";
import type { OptionWrite } from "./store.ts";
import { jsonOf } from "./value.ts";

/** What a request asks to store. */
type Requested = ScopeFields & { readonly key: string; readonly value?: Value | undefined; readonly expireTime?: Timestamp | undefined };

/** The last second that `google.protobuf.Timestamp` has: the end of the year 9999. */
const LAST_SECOND = 253_402_300_799n;

const expireTimeOf = (time: Timestamp | undefined, field: string): Date | null => {
  if (time === undefined) return null;
  if (time.seconds > LAST_SECOND) throw invalidField(field, "must be before the year 10000");
  return timestampDate(time);
};

/**
 * Checks one value against the limits and the registry, before any statement.
 * @param prefix where the value stands in the request, for the violation: "" or "changes[3].set."
 * @throws INVALID_ARGUMENT with a reason of the value or of the registry.
 */
export const optionWriteOf = (registry: OptionRegistry, userId: bigint, requested: Requested, prefix = ""): OptionWrite => {
  const { key, value, expireTime } = requested;
  const field = `${prefix}value`;
  if (value === undefined) throw invalidField(field, "is required");
  const json = jsonOf(value, field);
  const scope = scopeOf(requested);
  registry.assertFits({ key, value: JSON.parse(json) as JsonValue, scopeKind: scope.kind, field });
  return { userId, scope, key, json, expireTime: expireTimeOf(expireTime, `${prefix}expire_time`) };
};
