import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, matchesGlob } from "node:path";
import { describe, expect, test } from "vitest";
import { tools } from "../../vitest.config.ts";
import { drills } from "../drill/drills/index.ts";
import { root } from "../foreign/tools.ts";
import { attacks } from "../hostile/attacks/index.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const { scripts }: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(read("package.json"));

/** The rows of the table, by column. */
const rows = read("docs/scorecard.md")
  .split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) => {
    const [row = "", what = "", command = "", when = "", load = "", figure = "", state = ""] = line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.trim());
    return { row: Number(row), what, command, when, load, figure, state };
  });

/** What a command names that does not exist. */
const missingOf = (command: string): readonly string[] => {
  const [, script = "", rest = ""] = /^npm (?:run )?([\w:]+)(?: -- (.*))?$/.exec(command) ?? [];
  const program = scripts[script];
  if (program === undefined) return [`the script ${script}`];
  const words = rest.split(" ").filter((word) => word !== "");
  if (program.startsWith("vitest")) {
    const isOfTools = (path: string) => tools.some((glob) => matchesGlob(path, glob));
    return words.filter((path) => !existsSync(join(root, path)) || isOfTools(path) !== (script === "test:tools"));
  }
  // The program's options stand in the files beside it or in what it imports, and so do the names that they take.
  const main = program.split(" ").at(-1) ?? "";
  const imported = Array.from(read(main).matchAll(/ from "(\.[^"]+)"/g), ([, path = ""]) => join(dirname(main), path));
  const texts = [...globSync(`${dirname(main)}/**/*.ts`, { cwd: root }), ...imported].map(read).join("\n");
  const isThere = (word: string): boolean => {
    if (/^\d+$/.test(word)) return true;
    if (!word.startsWith("--")) return new RegExp(`["\` ]?${word}["\`:]`).test(texts);
    return texts.includes(`"${word}`) || texts.includes(`${word.slice(2)}: { type:`);
  };
  return words.filter((word) => !isThere(word));
};

describe("docs/scorecard.md", () => {
  test("has the 38 rows, each with a state", () => {
    expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 38 }, (_, index) => index + 1));
    expect(rows.filter(({ state }) => !["green", "open", "red", "not built"].includes(state))).toEqual([]);
    expect(rows.filter(({ figure }) => figure === "")).toEqual([]);
  });

  test.for(rows)("row $row has a command that exists, or says that it has none", ({ command, state }) => {
    if (command === "none") return expect(["red", "not built"]).toContain(state);
    const commands = Array.from(command.matchAll(/`([^`]+)`/g), ([, text = ""]) => text);
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.flatMap(missingOf)).toEqual([]);
  });

  test("names every drill at its rows", () => {
    for (const { name, rows: shown } of drills) {
      const there = rows.filter(({ command }) => command.startsWith("`npm run drill ") && command.match(/[\w-]+/g)?.includes(name));
      expect(
        there.map(({ row }) => row).toSorted((a, b) => a - b),
        name,
      ).toEqual(shown.toSorted((a, b) => a - b));
    }
  });

  test("names attacks that exist", () => {
    const names = rows.flatMap(({ command }) => /npm run hostile -- --only ([^`]+)/.exec(command)?.[1]?.split(" ") ?? []);
    expect(names.filter((name) => attacks.every((attack) => attack.name !== name))).toEqual([]);
  });
});
