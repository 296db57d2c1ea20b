import type { JsonValue } from "@bufbuild/protobuf";
import { OptionSource } from "../gen/userd/v1/user_option_pb.ts";
import type { CheckedDefinition } from "./registry/load.ts";
import { ScopeKind } from "./scope.ts";

/** The holder of a level's value: the user itself, everybody in the scope, or the registry. */
type Holder = "user" | "scope" | "definition";

/** One level of the resolution order. */
export type Level = {
  readonly source: OptionSource;
  readonly holder: Holder;
  readonly scope: ScopeKind | undefined;
  /** Goes before every level that is not locked, when it locks the key. */
  readonly lockable: boolean;
  /** The name of the level in documentation and on the command line. */
  readonly name: string;
};

/** The resolution order: first hit wins. The one table that code, documentation and tests go by. */
export const levels: readonly Level[] = [
  { source: OptionSource.USER_PROJECT, holder: "user", scope: ScopeKind.PROJECT, lockable: false, name: "the user, in the project" },
  {
    source: OptionSource.USER_ORGANIZATION,
    holder: "user",
    scope: ScopeKind.ORGANIZATION,
    lockable: false,
    name: "the user, in the organization",
  },
  { source: OptionSource.USER_GLOBAL, holder: "user", scope: ScopeKind.GLOBAL, lockable: false, name: "the user" },
  { source: OptionSource.PROJECT, holder: "scope", scope: ScopeKind.PROJECT, lockable: true, name: "the project" },
  { source: OptionSource.ORGANIZATION, holder: "scope", scope: ScopeKind.ORGANIZATION, lockable: true, name: "the organization" },
  { source: OptionSource.GLOBAL, holder: "scope", scope: ScopeKind.GLOBAL, lockable: true, name: "everybody" },
  { source: OptionSource.DEFINITION, holder: "definition", scope: undefined, lockable: false, name: "the definition" },
];

/** The steps of resolution: locks from the bottom of the table, then the levels from its top. First hit wins. */
export const steps: readonly { readonly level: Level; readonly locked: boolean }[] = [
  ...levels
    .filter(({ lockable }) => lockable)
    .reverse()
    .map((level) => ({ level, locked: true })),
  ...levels.map((level) => ({ level, locked: false })),
];

const bySource = new Map(levels.map((level) => [level.source, level]));

/** The level of a source. */
export const levelOf = (source: OptionSource): Level => {
  const level = bySource.get(source);
  if (level === undefined) throw new Error(`There is no level ${source}.`);
  return level;
};

/** The value that one level holds. `null` is a value. */
export type LevelValue = { readonly source: OptionSource; readonly value: JsonValue; readonly locked: boolean };

/** The result of resolving the levels of one key. */
export type Resolution = {
  /** Undefined: no level has a value. */
  readonly value: JsonValue | undefined;
  readonly source: OptionSource;
  readonly locked: boolean;
  /** Every level that has a value, the winner first. */
  readonly trail: readonly LevelValue[];
};

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** RFC 7396: members of the patch replace those of the target, null removes one, anything but an object replaces all. */
export const mergePatch = (target: JsonValue | undefined, patch: JsonValue): JsonValue => {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
};

const NOTHING: Resolution = { value: undefined, source: OptionSource.UNSPECIFIED, locked: false, trail: [] };

/**
 * Resolves one key.
 * @param cached the levels that have a value, in the order of the table.
 */
export const resolve = (cached: readonly LevelValue[], definition: CheckedDefinition | undefined): Resolution => {
  if (cached.length === 0) return NOTHING;
  // Locks from the bottom of the table: global before organization before project.
  const isLocked = cached.some(({ locked }) => locked);
  const trail = isLocked ? [...cached.filter(({ locked }) => locked).reverse(), ...cached.filter(({ locked }) => !locked)] : cached;
  const [winner] = trail;
  if (winner === undefined) return NOTHING;
  const value =
    definition?.merge === "object"
      ? trail.reduceRight<JsonValue | undefined>((merged, level) => mergePatch(merged, level.value), undefined)
      : winner.value;
  return { value, source: winner.source, locked: winner.locked, trail };
};
