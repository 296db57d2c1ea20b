import type { JsonValue } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { Counter, type Registry as MetricsRegistry } from "prom-client";
import type { Caller } from "../../call.ts";
import type { Config } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import { ScopeKind as Kind, type ScopeKind } from "../scope.ts";
import { storedBytes } from "../value.ts";
import { type ClosedKeys, closedKeysOf } from "./closed-keys.ts";
import type { Definition } from "./definition.ts";
import { builtInDefinitions, type CheckedDefinition, loadDefinitions } from "./load.ts";

/** The key and the scope of a value; `scopeKind` undefined = it is a scope option's. */
type Place = { readonly key: string; readonly scopeKind?: ScopeKind };

/** A value that is to be stored, with the key and the scope of its option. */
export type Candidate = Place & {
  /** The value in canonical form, as JSON text. It is parsed only for a key that has a definition. */
  readonly json: string;
  /** The path of the value in the request, in the proto's field names, for the error. */
  readonly field: string;
};

/** The registry: all definitions of options, and the checks of values against them. */
export type OptionRegistry = {
  readonly get: (key: string) => CheckedDefinition | undefined;
  /** Returns the map of all definitions: another one after each reading of the file. */
  readonly definitions: () => ReadonlyMap<string, CheckedDefinition>;
  /** Returns all definitions, ordered by key. */
  readonly list: () => readonly CheckedDefinition[];
  /**
   * Checks a value before it is stored. A key with a definition refuses a value only in the mode `enforce`.
   * @throws INVALID_ARGUMENT OPTION_VALUE_INVALID, OPTION_VALUE_TOO_LARGE, OPTION_SCOPE_NOT_ALLOWED or OPTION_KEY_UNREGISTERED.
   */
  readonly assertFits: (candidate: Candidate) => void;
  /** Returns the fault of a value that is stored already, in words that do not repeat the value; undefined = the value fits. */
  readonly misfit: (stored: Place & { readonly value: JsonValue }) => string | undefined;
  /** Returns the keys whose values a caller may not read or write. */
  readonly closedTo: (caller: Caller) => ClosedKeys;
  /** Reads the registry file anew, and tells whether it could: a broken file is logged and changes nothing. */
  readonly reload: () => boolean;
};

const scopeName: Record<ScopeKind, Definition["scopes"][number]> = {
  [Kind.GLOBAL]: "user",
  [Kind.ORGANIZATION]: "organization",
  [Kind.PROJECT]: "project",
};

const refusal = ({ key, field }: Pick<Candidate, "key" | "field">, reason: DomainError["reason"], fault: string): DomainError =>
  new DomainError("Invalid", reason, `The option ${key} ${fault}.`, {
    metadata: { key },
    violations: [{ field, description: fault }],
  });

const faultOf = (definition: CheckedDefinition, candidate: Candidate, value: JsonValue): DomainError | undefined => {
  const { scopeKind, json } = candidate;
  if (scopeKind !== undefined && !definition.scopes.includes(scopeName[scopeKind])) {
    return refusal(candidate, "OPTION_SCOPE_NOT_ALLOWED", `can't be set in this scope, only in ${definition.scopes.join(" and ")}`);
  }
  if (storedBytes(value, json) > definition.max_bytes) {
    return refusal(candidate, "OPTION_VALUE_TOO_LARGE", `is larger than ${definition.max_bytes} bytes`);
  }
  const fault = definition.check(value);
  return fault === undefined ? undefined : refusal(candidate, "OPTION_VALUE_INVALID", fault);
};

/** Makes the registry from the file that the settings name, or from the built-in one. Throws ConfigError when the file is broken. */
export const createOptionRegistry = (
  { optionDefinitions, unregisteredOptions }: Pick<Config, "optionDefinitions" | "unregisteredOptions">,
  log: Logger,
  metrics: MetricsRegistry,
): OptionRegistry => {
  const file = optionDefinitions ?? builtInDefinitions;
  let definitions = loadDefinitions(file);
  let closedTo = closedKeysOf(definitions.values());
  const misfits = new Counter({
    name: "userd_option_misfits_total",
    help: "Values that did not fit their definition, by key and what became of them",
    labelNames: ["key", "mode"],
    registers: [metrics],
  });
  return {
    get: (key) => definitions.get(key),
    definitions: () => definitions,
    list: () => [...definitions.values()],
    assertFits: (candidate) => {
      const { key } = candidate;
      const definition = definitions.get(key);
      if (definition === undefined) {
        if (unregisteredOptions === "refuse") throw refusal(candidate, "OPTION_KEY_UNREGISTERED", "has no definition");
        return;
      }
      if (definition.mode === "off") return;
      const fault = faultOf(definition, candidate, JSON.parse(candidate.json) as JsonValue);
      if (fault === undefined) return;
      misfits.inc({ key, mode: definition.mode });
      if (definition.mode === "enforce") throw fault;
      log.warn({ key, reason: fault.reason }, "an option does not fit its definition");
    },
    misfit: ({ value, ...place }) => {
      const definition = definitions.get(place.key);
      if (definition === undefined) return undefined;
      return faultOf(definition, { ...place, json: JSON.stringify(value), field: "value" }, value)?.message;
    },
    closedTo: (caller) => closedTo(caller),
    reload: () => {
      try {
        definitions = loadDefinitions(file);
        closedTo = closedKeysOf(definitions.values());
        log.info({ keys: definitions.size }, "option definitions reloaded");
        return true;
      } catch (error) {
        log.error({ err: error }, "the option definitions are broken; the old ones stay");
        return false;
      }
    },
  };
};
