import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inOneLine, printable } from "../../src/print.ts";
import { formatTable } from "../../src/table.ts";
import { root } from "../foreign/tools.ts";

test.for([
  ["a\u001b[2Jb", "a\\u001b[2Jb"],
  ["a\u009b2Jb\u007f", "a\\u009b2Jb\\u007f"],
  ["a\rb\tc\u0000", "a\\u000db\\u0009c\\u0000"],
  ["\u202eresu\u2066", "\\u202eresu\\u2066"],
  ["a\u2028b\ufeff", "a\\u2028b\\ufeff"],
  ["Zoë 👩‍👩‍👧 می‌خواهم", "Zoë 👩‍👩‍👧 می‌خواهم"],
  ["two\nlines", "two\nlines"],
])("%j is printed as %j", ([text = "", printed]) => {
  expect(printable(text)).toBe(printed);
});

test("JSON means the same as before", () => {
  const value = { name: "a\u001b[2J\u009b\u202e\u007f\n" };
  expect(JSON.parse(printable(JSON.stringify(value, null, 2)))).toEqual(value);
});

test("a cell of a table stays in its line", () => {
  expect(inOneLine("a\nb\u001b")).toBe("a\\nb\\u001b");
  expect(formatTable(["name"], [["ann\nroot  superuser\u001b[1A"]])).toBe("name\nann\\nroot  superuser\\u001b[1A");
});

test("commands write to standard output by `print` alone, or bytes that were asked for", () => {
  const writers = globSync("src/{cli,import}/**/*.ts", { cwd: root }).filter((path) =>
    readFileSync(join(root, path), "utf8").includes("process.stdout.write"),
  );
  expect(writers.toSorted()).toEqual(["src/cli/export-file.ts", "src/cli/kinds-image.ts"]);
});
