import type { JsonValue } from "@bufbuild/protobuf";
import { OptionSource } from "../gen/userd/v1/user_option_pb.ts";
import type { CheckedDefinition } from "./registry/load.ts";
import { ScopeKind } from "./scope.ts";

/** The holder of a level's value: the user, everybody in the scope, or the registry. */
type Holder = "user" | "scope" | "definition";

/** One level of the resolution order: a place where the value of an option can come from. */
export type Level = {
  readonly source: OptionSource;
  readonly holder: Holder;
  readonly scope: ScopeKind | undefined;
  /** Tells whether the level can lock a key: a locked value goes before the values of all levels that are not locked. */
  readonly lockable: boolean;
  /** The name of the level in documentation and on the command line. */
  readonly name: string;
};

/** The levels of the resolution order, highest first: the first level that has a value wins, unless a level locks a value (`steps`). */
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

/**
 * The order in which values are looked for, until one is found: locked values from the last of `levels` to the first, then all from first to
 * last.
 */
export const steps: readonly { readonly level: Level; readonly locked: boolean }[] = [
  ...levels
    .filter(({ lockable }) => lockable)
    .reverse()
    .map((level) => ({ level, locked: true })),
  ...levels.map((level) => ({ level, locked: false })),
];

const bySource = new Map(levels.map((level) => [level.source, level]));

/** Returns the level of an `OptionSource`, the API's name for a level. Throws Error for UNSPECIFIED, which names none. */
export const levelOf = (source: OptionSource): Level => {
  const level = bySource.get(source);
  if (level === undefined) throw new Error(`There is no level ${source}.`);
  return level;
};

/** The value of an option at one level, and whether it is locked. Null is a value. */
export type LevelValue = { readonly source: OptionSource; readonly value: JsonValue; readonly locked: boolean };

/** The result of `resolve` for one key: its effective value, the level that won, and all levels that have a value. */
export type Resolution = {
  /** The effective value; undefined = no level has a value. */
  readonly value: JsonValue | undefined;
  readonly source: OptionSource;
  readonly locked: boolean;
  /** Every level that has a value, the winner first. */
  readonly trail: readonly LevelValue[];
};

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Merges a patch into a target by RFC 7396: a null removes a member, and a patch that is no object replaces the whole target. */
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

/** Computes the effective value of a key. `cached` has the values of the levels that have one, in the order of `levels`. */
export const resolve = (cached: readonly LevelValue[], definition: CheckedDefinition | undefined): Resolution => {
  if (cached.length === 0) return NOTHING;
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
