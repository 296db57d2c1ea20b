import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";
import { OptionSource } from "../../src/gen/userd/v1/user_option_pb.ts";

/** One value of a scope, for all its users. */
export type ScopeValue = { readonly value: JsonValue; readonly locked: boolean };

/** What each level holds; undefined = nothing. */
export type LevelValues = {
  readonly userProject?: JsonValue | undefined;
  readonly userOrganization?: JsonValue | undefined;
  readonly userGlobal?: JsonValue | undefined;
  readonly project?: ScopeValue | undefined;
  readonly organization?: ScopeValue | undefined;
  readonly global?: ScopeValue | undefined;
  readonly definition?: JsonValue | undefined;
};

/** What resolution has to come to. */
export type Expected = { readonly value: JsonValue | undefined; readonly source: OptionSource; readonly locked: boolean };

const expected = (value: JsonValue, source: OptionSource, locked = false): Expected => ({ value, source, locked });

/**
 * The rules of api.md once more, as somebody would write them who has never seen src/options/resolution.ts: no table, no
 * loop. Only the tests use it.
 */
export const resolveNaively = (at: LevelValues): Expected => {
  if (at.global?.locked) return expected(at.global.value, OptionSource.GLOBAL, true);
  if (at.organization?.locked) return expected(at.organization.value, OptionSource.ORGANIZATION, true);
  if (at.project?.locked) return expected(at.project.value, OptionSource.PROJECT, true);
  if (at.userProject !== undefined) return expected(at.userProject, OptionSource.USER_PROJECT);
  if (at.userOrganization !== undefined) return expected(at.userOrganization, OptionSource.USER_ORGANIZATION);
  if (at.userGlobal !== undefined) return expected(at.userGlobal, OptionSource.USER_GLOBAL);
  if (at.project) return expected(at.project.value, OptionSource.PROJECT);
  if (at.organization) return expected(at.organization.value, OptionSource.ORGANIZATION);
  if (at.global) return expected(at.global.value, OptionSource.GLOBAL);
  if (at.definition !== undefined) return expected(at.definition, OptionSource.DEFINITION);
  return { value: undefined, source: OptionSource.UNSPECIFIED, locked: false };
};

const isPlainObject = (json: JsonValue | undefined): json is Record<string, JsonValue> =>
  json !== undefined && json !== null && typeof json === "object" && !Array.isArray(json);

/** RFC 7396, word for word: the pseudocode of its section 2. */
export const mergeNaively = (target: JsonValue | undefined, patch: JsonValue): JsonValue => {
  if (!isPlainObject(patch)) return patch;
  const result: Record<string, JsonValue> = isPlainObject(target) ? { ...target } : {};
  for (const name of Object.keys(patch)) {
    const value = patch[name] as JsonValue;
    if (value === null) delete result[name];
    else result[name] = mergeNaively(result[name], value);
  }
  return result;
};

/** The same value, whatever the order of its members. */
export const isSame = (a: JsonValue | undefined, b: JsonValue | undefined): boolean => isDeepStrictEqual(a, b);
