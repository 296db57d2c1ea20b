import { createHash } from "node:crypto";
import type { Config } from "../config.ts";
import type { OptionRegistry } from "../options/registry/registry.ts";
import type { KindSet } from "../schema/kind-set.ts";

/**
 * Makes the function that returns a name of what answers depend on beside the data: the definitions of options, the read policy and the set of kinds.
 * Processes with the same settings have the same name.
 */
export const createConfigurationRevision = (
  registry: OptionRegistry,
  { readPolicy, scopeCheck, unregisteredOptions }: Pick<Config, "readPolicy" | "scopeCheck" | "unregisteredOptions">,
  { served, permissions }: KindSet,
): (() => string) => {
  let known: { readonly definitions: unknown; readonly name: string } | undefined;
  return () => {
    const definitions = registry.definitions();
    if (known?.definitions === definitions) return known.name;
    const content = JSON.stringify([
      [...definitions.values()],
      readPolicy,
      scopeCheck,
      unregisteredOptions,
      served.map(({ name }) => name),
      permissions,
    ]);
    known = { definitions, name: createHash("sha256").update(content).digest("base64url").slice(0, 16) };
    return known.name;
  };
};
