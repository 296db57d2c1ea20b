import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { OptionSource } from "../../src/gen/userd/v1/user_option_pb.ts";
import { type LevelValue, mergePatch, resolve } from "../../src/options/resolution.ts";
import { combinationOf, combinations, type LevelName, levelNames } from "./combinations.ts";
import { isSame, type LevelValues, mergeNaively, resolveNaively } from "./naive-resolution.ts";

/** The levels that have a value, in the order of the table. */
const cachedOf = (at: LevelValues): LevelValue[] => {
  const all: [OptionSource, JsonValue | undefined, boolean][] = [
    [OptionSource.USER_PROJECT, at.userProject, false],
    [OptionSource.USER_ORGANIZATION, at.userOrganization, false],
    [OptionSource.USER_GLOBAL, at.userGlobal, false],
    [OptionSource.PROJECT, at.project?.value, at.project?.locked ?? false],
    [OptionSource.ORGANIZATION, at.organization?.value, at.organization?.locked ?? false],
    [OptionSource.GLOBAL, at.global?.value, at.global?.locked ?? false],
    [OptionSource.DEFINITION, at.definition, false],
  ];
  return all.flatMap(([source, value, locked]) => (value === undefined ? [] : [{ source, value, locked }]));
};

describe("O24 O26 O27 the resolution table, against a naive implementation", () => {
  test("every combination of levels and locks, and each level once as null", () => {
    let compared = 0;
    for (const nulled of [undefined, ...levelNames] as (LevelName | undefined)[]) {
      for (const combination of combinations) {
        const at = combinationOf(combination, nulled);
        const { value, source, locked, trail } = resolve(cachedOf(at), undefined);
        expect({ value, source, locked }, JSON.stringify(at)).toEqual(resolveNaively(at));
        expect(trail.length).toBe(cachedOf(at).length);
        if (trail.length > 0) expect(trail[0]).toEqual({ value, source, locked });
        compared += 1;
      }
    }
    expect(compared).toBe(8 * 1024);
  });

  test("O28 the trail is the order in which the levels would win, one after the other", () => {
    for (const combination of combinations) {
      const at = combinationOf(combination);
      const { trail } = resolve(cachedOf(at), undefined);
      for (let rest = cachedOf(at), index = 0; rest.length > 0; index += 1) {
        const winner = resolve(rest, undefined);
        expect(trail[index]).toEqual({ value: winner.value, source: winner.source, locked: winner.locked });
        rest = rest.filter(({ source }) => source !== winner.source);
      }
    }
  });
});

describe("O30 merge", () => {
  /** The examples of RFC 7396, appendix A. */
  test.for<[target: JsonValue, patch: JsonValue, result: JsonValue]>([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j with %j is %j", ([target, patch, result]) => {
    expect(mergePatch(target, patch)).toEqual(result);
    expect(mergeNaively(target, patch)).toEqual(result);
  });

  test("__proto__ is a member like any other", () => {
    const merged = mergePatch(JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"b":2},"constructor":3}'));
    expect(JSON.stringify(merged)).toBe('{"__proto__":{"a":1,"b":2},"constructor":3}');
    expect(({} as Record<string, unknown>)["b"]).toBeUndefined();
  });

  test("every combination of levels merges from the bottom up", () => {
    const definition = { merge: "object" } as never;
    for (const combination of combinations) {
      const at = combinationOf(combination, undefined, (level) => ({
        [level]: 1,
        shared: level,
        removed: level === "userGlobal" ? null : level,
      }));
      const { value, trail } = resolve(cachedOf(at), definition);
      const merged = trail.toReversed().reduce<JsonValue | undefined>((target, level) => mergeNaively(target, level.value), undefined);
      expect(isSame(value, merged), JSON.stringify(at)).toBe(true);
    }
  });
});
