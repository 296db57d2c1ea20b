import type { Caller } from "../../call.ts";
import type { Permission } from "../../permissions.ts";
import type { Definition } from "./definition.ts";

/** The keys whose values a caller may not read, and those whose values it may not write. */
export type ClosedKeys = { readonly read: ReadonlySet<string>; readonly write: ReadonlySet<string> };

const READ_SENSITIVE: Permission = "options.read_sensitive";

/** Makes the function that tells whether one of the patterns, in which `*` stands for any characters, matches a name. */
const matcher = (patterns: readonly string[] | undefined): ((name: string) => boolean) => {
  if (patterns === undefined) return () => true;
  const parts = patterns.map((pattern) => pattern.split("*").map((part) => part.replaceAll(".", "\\.")));
  const whole = new RegExp(`^(?:${parts.map((one) => one.join(".*")).join("|")})$`, "u");
  return (name) => whole.test(name);
};

/** Makes the function that returns the keys that are closed to a caller, by the definitions. The answer is kept with the caller. */
export const closedKeysOf = (definitions: Iterable<Definition>): ((caller: Caller) => ClosedKeys) => {
  const guarded = [...definitions]
    .filter(({ readers, writers, sensitive }) => readers !== undefined || writers !== undefined || sensitive)
    .map(({ key, readers, writers, sensitive }) => ({ key, sensitive, reads: matcher(readers), writes: matcher(writers) }));
  const known = new WeakMap<Caller, ClosedKeys>();
  return (caller) => {
    const before = known.get(caller);
    if (before !== undefined) return before;
    const { name, permissions } = caller;
    const seesSensitive = permissions.has(READ_SENSITIVE);
    const closed = {
      read: new Set(guarded.filter(({ sensitive, reads }) => !reads(name) || (sensitive && !seesSensitive)).map(({ key }) => key)),
      write: new Set(guarded.filter(({ writes }) => !writes(name)).map(({ key }) => key)),
    };
    known.set(caller, closed);
    return closed;
  };
};
