import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Call } from "../call.ts";
import { type DomainError, forbidden } from "../errors.ts";
import type { UserOptionSchema } from "../gen/userd/v1/user_option_pb.ts";
import type { OptionRegistry } from "./registry/registry.ts";

const closed = (key: string, what: "read" | "write"): DomainError =>
  forbidden("OPTION_KEY_FORBIDDEN", `The definition of the option ${key} does not let the caller ${what} it.`, { metadata: { key } });

/** Checks that the caller may read the values of a key that a request names. Throws PERMISSION_DENIED OPTION_KEY_FORBIDDEN. */
export const requireReadable = (registry: OptionRegistry, { caller }: Pick<Call, "caller">, key: string): void => {
  if (registry.closedTo(caller).read.has(key)) throw closed(key, "read");
};

/** Checks that the caller may write the values of a key that a request names. Throws PERMISSION_DENIED OPTION_KEY_FORBIDDEN. */
export const requireWritable = (registry: OptionRegistry, { caller }: Pick<Call, "caller">, key: string): void => {
  if (registry.closedTo(caller).write.has(key)) throw closed(key, "write");
};

/** Returns the keys that an answer leaves out, since the caller may not read their values: the request does not name them. */
export const hiddenKeys = (registry: OptionRegistry, { caller }: Pick<Call, "caller">): ReadonlySet<string> =>
  registry.closedTo(caller).read;

type Shown = Pick<MessageInitShape<typeof UserOptionSchema>, "key" | "value">;

/** Removes the value of an option in the answer to a write whose caller may write the key and not read it. */
export const withoutHiddenValue = <T extends Shown>(registry: OptionRegistry, call: Pick<Call, "caller">, option: T): T => {
  if (!hiddenKeys(registry, call).has(option.key ?? "")) return option;
  const { value: _, ...rest } = option;
  return rest as T;
};
