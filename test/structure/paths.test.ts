import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

const files = globSync("{src,test,bench,scripts}/**/*.ts", { cwd: root }).filter((path) => !path.startsWith("src/gen/"));

/** The paths that a file names relative to itself, where the text has no variable part: the compiler does not follow these. */
const pathsIn = (file: string): string[] =>
  [...readFileSync(join(root, file), "utf8").matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)].map(([, path = ""]) => path);

test("every file that is named by its path, as scripts to start are, is there", () => {
  const named = files.flatMap((file) => pathsIn(file).map((path) => ({ file, path })));
  expect(named.length).toBeGreaterThan(20);
  const missing = named.filter(({ file, path }) => !existsSync(new URL(path, pathToFileURL(join(root, file)))));
  expect(missing).toEqual([]);
});
