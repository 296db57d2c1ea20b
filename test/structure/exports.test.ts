import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

const texts = new Map(
  globSync("{src,test,bench,scripts,clients}/**/*.ts", { cwd: root })
    .filter((path) => !path.includes("/gen/") && !path.includes("/dist/"))
    .map((path) => [path, readFileSync(join(root, path), "utf8")]),
);

/** The files that have a word. */
const filesOf = new Map<string, string[]>();
for (const [path, text] of texts) {
  for (const word of new Set(text.match(/\w+/g))) filesOf.set(word, [...(filesOf.get(word) ?? []), path]);
}

test("a function, value or class that no other file names is not exported", () => {
  const unused = [...texts]
    .filter(([path]) => path.startsWith("src/") && !path.includes("/migrations/"))
    .flatMap(([path, text]) =>
      [...text.matchAll(/^export (?:async )?(?:const|function|class) (\w+)/gm)].flatMap(([, name = ""]) =>
        filesOf.get(name)?.length === 1 ? [`${path}: ${name}`] : [],
      ),
    );
  expect(unused, "remove the word export, or the whole").toEqual([]);
});
