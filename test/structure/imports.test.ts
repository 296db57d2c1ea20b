import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { floors, upwards } from "./floors.ts";

const src = fileURLToPath(new URL("../../src", import.meta.url));

const isGenerated = (path: string): boolean => path.startsWith("gen/");

const files = globSync("**/*.ts", { cwd: src }).filter((path) => !isGenerated(path));

/** The files that a file of `src/` imports, types included, by their paths from there. */
const importsOf = (file: string): string[] => {
  const text = readFileSync(join(src, file), "utf8");
  const specifiers = [...text.matchAll(/\b(?:from|import\()\s*"(\.[^"]+)"/g)].map(([, specifier = ""]) => specifier);
  return specifiers.map((specifier) => relative(src, join(src, dirname(file), specifier)));
};

const imports = files.flatMap((file) => importsOf(file).map((imported) => ({ file, imported })));

const folderOf = (path: string): string | undefined => (path.includes("/") ? path.slice(0, path.indexOf("/")) : undefined);

const requirementOf = (folder: string): number => floors.findIndex((floor) => floor.includes(folder));

test("every folder of src/ has its floor", () => {
  const folders = new Set(files.map(folderOf).filter((folder) => folder !== undefined));
  const homeless = [...folders].filter((folder) => requirementOf(folder) === -1);
  expect(homeless, "give a new folder its floor in test/structure/floors.ts").toEqual([]);
});

test("a folder imports from its own floor and from those under it", () => {
  const rising = imports.filter(({ file, imported }) => {
    const [from, to] = [folderOf(file), folderOf(imported)];
    return from !== undefined && to !== undefined && requirementOf(to) > requirementOf(from);
  });
  const found = rising.map(({ file, imported }) => `${file} > ${imported}`).sort();
  expect(found, "move what both need to a lower floor, rather than add to the list in test/structure/floors.ts").toEqual(
    [...upwards].sort(),
  );
});

test("no file of src/ imports itself by way of others", () => {
  const edges = new Map(files.map((file) => [file, importsOf(file).filter((imported) => !isGenerated(imported))]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(" > "));
      return;
    }
    if (done.has(file)) return;
    for (const imported of edges.get(file) ?? []) visit(imported, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles, "move what two of the files need of each other to a file under both").toEqual([]);
});
