import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { OptionSource, OptionSourceSchema } from "../../src/gen/userd/v1/user_option_pb.ts";
import { definitionSchema, modeNames, typeNames } from "../../src/options/registry/definition.ts";
import { levels, steps } from "../../src/options/resolution.ts";

/** The text, its tables without the blanks that the formatter aligns them with. */
const read = async (name: string): Promise<string> => {
  const text = await readFile(new URL(`../../docs/${name}`, import.meta.url), "utf8");
  return text.replaceAll(/^\|.*\|$/gm, (line) =>
    line
      .replaceAll(/ *\| */g, " | ")
      .trim()
      .replaceAll(/-{3,}/g, "---"),
  );
};

const nameOf = (source: OptionSource): string => OptionSourceSchema.value[source]?.name ?? "";

test("docs/resolution.md prints the table that the code goes by", async () => {
  const table = [
    "| step | `source` | the value of |",
    "| --- | --- | --- |",
    ...steps.map(({ level, locked }, index) => `| ${index + 1} | \`${nameOf(level.source)}\`${locked ? ", locked" : ""} | ${level.name} |`),
  ].join("\n");
  expect(await read("resolution.md")).toContain(`\n${table}\n`);
});

test("the table has every source once, in the order of the enum", () => {
  const sources = OptionSourceSchema.values.map(({ number }) => number).filter((number) => number !== OptionSource.UNSPECIFIED);
  expect(levels.map(({ source }) => source)).toEqual(sources);
});

test("docs/registry.md names every field, type and mode, and nothing else", async () => {
  const lines = (await read("registry.md")).split("\n");
  const section = (title: string) => {
    const rest = lines.slice(lines.indexOf(`## ${title}`) + 1);
    return rest.slice(
      0,
      rest.findIndex((line) => line.startsWith("## ")),
    );
  };
  const names = section("Fields").flatMap((line) => /^\| (`[^|]*`) \|/.exec(line)?.[1]?.replaceAll("`", "").split(", ") ?? []);
  expect(names.toSorted()).toEqual([...Object.keys(definitionSchema.shape), ...typeNames].toSorted());
  const modes = section("Modes").flatMap((line) => /^\| `(\w+)` \|/.exec(line)?.[1] ?? []);
  expect(modes).toEqual([...modeNames]);
});
