import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needTools, root, runOk, temporaryFolder, venvPython } from "../../foreign/tools.ts";

const cache = join(root, "node_modules/.cache/userd-tools");

/** Writes the reference of a language, and returns its texts, by their names. */
const referenceOf = async (language: string): Promise<Readonly<Record<string, string>>> => {
  await using folder = await temporaryFolder();
  await runOk("bash", ["scripts/write-client-references.sh", folder.path, language]);
  const paths = globSync("**/*.{html,txt}", { cwd: folder.path });
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder.path, path), "utf8")]));
};

// typedoc.json makes an export without a comment, and a type that is not exported, an error.
test("the reference in TypeScript has every export", { timeout: 120_000 }, async ({ skip }) => {
  needTools(skip, "bash", join(cache, "typedoc/node_modules/.bin/typedoc"));
  const pages = await referenceOf("typescript");
  for (const name of ["functions/connectUserd", "functions/openNearCache", "types/NearCache", "classes/UserdError", "types/ErrorReason"])
    expect(Object.keys(pages)).toContain(`typescript/${name}.html`);
  expect(pages["typescript/types/UserdOptions.html"]).toContain("How long reads see this client");
});

test("the reference in Go has every export, each with its comment", { timeout: 300_000 }, async ({ skip }) => {
  needTools(skip, "bash", "go", "protoc-gen-go", "protoc-gen-go-grpc");
  const { "go/client.txt": client = "", "go/nearcache.txt": near = "", "go/openfeature.txt": provider = "" } = await referenceOf("go");
  expect(client).toContain("func Dial(address string, options Options) (*Client, error)");
  expect(near).toContain("func Open(c *client.Client, options Options) *Cache");
  expect(provider).toContain("func New(");
  // go doc prints a declaration at the margin, or in a type's list, and its comment below, four columns in.
  for (const text of [client, near, provider]) {
    const lines = text.slice(text.search(/^(CONSTANTS|VARIABLES|FUNCTIONS|TYPES)$/m)).split("\n");
    const bare = lines.filter((line, index) => /^func /.test(line) && !/^ {4}\S/.test(lines[index + 1] ?? ""));
    expect(bare).toEqual([]);
  }
});

test("the reference in Python has every export, each with its docstring", { timeout: 120_000 }, async ({ skip }) => {
  needTools(skip, "bash", venvPython, join(cache, "venv/bin/pdoc"));
  const pages = await referenceOf("python");
  const page = pages["python/userd_client.html"] ?? "";
  const exported = /__all__ = \[([^\]]*)\]/.exec(readFileSync(join(root, "clients/python/src/userd_client/__init__.py"), "utf8"))?.[1];
  const names = [...(exported ?? "").matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) {
    const [, section = ""] = page.split(`<section id="${name}">`);
    expect(section.slice(0, section.indexOf("</section>")), name).toContain('class="docstring"');
  }
});
