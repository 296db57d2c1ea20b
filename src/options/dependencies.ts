import type { Dependencies } from "../dependencies.ts";
import type { OptionScopes } from "./option-scopes.ts";
import type { OptionRegistry } from "./registry/registry.ts";
import type { ScopeOptions } from "./scope-option.lookup.ts";
import type { UserOptions } from "./user-options.lookup.ts";

/** The dependencies of operations on options: those of all operations, the registry, SQL conditions on scopes, and lookups of options. */
export type OptionDependencies = Dependencies & {
  readonly registry: OptionRegistry;
  readonly optionScopes: OptionScopes;
  readonly userOptions: UserOptions;
  readonly scopeOptions: ScopeOptions;
};
