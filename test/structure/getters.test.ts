import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** A getter or setter, and what opens the block that it stands in: a class, or a literal. */
const accessor = /^(\s+)(?:static )?(?:get|set) #?\w+\(/;

const isInClass = (lines: readonly string[], at: number, indent: number): boolean => {
  const opening = lines.slice(0, at).findLast((line) => line.trim() !== "" && (/^\s*/.exec(line)?.[0].length ?? 0) < indent);
  return /\bclass\b/.test(opening ?? "");
};

test("literals have no getters: V8 makes a hidden class of each such object, and keeps with it what the getter refers to", () => {
  const found = globSync("src/**/*.ts", { exclude: ["src/gen/**"] }).flatMap((path) => {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.flatMap((line, at) => {
      const indent = accessor.exec(line)?.[1]?.length;
      return indent === undefined || isInClass(lines, at, indent) ? [] : [`${path}:${at + 1}`];
    });
  });
  expect(found).toEqual([]);
});
