import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

test("no fixture is overridden: the files that a thread runs later would get it too", () => {
  const overriding = globSync("**/*.ts", { cwd: root }).filter((path) => /\.override\("/.test(readFileSync(join(root, path), "utf8")));
  expect(overriding, "extend the test by the fixture instead").toEqual([]);
});
