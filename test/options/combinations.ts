import type { JsonValue } from "@bufbuild/protobuf";
import type { LevelValues, ScopeValue } from "./naive-resolution.ts";

/** The levels, the highest first. */
export const levelNames = ["userProject", "userOrganization", "userGlobal", "project", "organization", "global", "definition"] as const;

/** One of them. */
export type LevelName = (typeof levelNames)[number];

const scopes: readonly LevelName[] = ["project", "organization", "global"];

/** Every combination: seven bits that say which level has a value, three that say which lock is on. */
export const combinations: readonly number[] = Array.from({ length: 2 ** 10 }, (_, bits) => bits);

/**
 * The levels of a combination.
 * @param nulled the level whose value, if it has one, is null.
 */
export const combinationOf = (bits: number, nulled?: LevelName, held: (level: LevelName) => JsonValue = (level) => level): LevelValues => {
  const at: Partial<Record<LevelName, JsonValue | ScopeValue>> = {};
  for (const [index, level] of levelNames.entries()) {
    if ((bits & (1 << index)) === 0) continue;
    const value = level === nulled ? null : held(level);
    const lock = scopes.indexOf(level);
    at[level] = lock < 0 ? value : ({ value, locked: (bits & (1 << (levelNames.length + lock))) !== 0 } as ScopeValue);
  }
  return at as LevelValues;
};
