import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { documents as generated, updated } from "../../scripts/update-reference.ts";
import { exitCodesHelp } from "../../src/cli/exit.ts";
import { namesCommand } from "../../src/cli/names.ts";
import { optionsCommand } from "../../src/cli/options.ts";
import { usersCommand } from "../../src/cli/users.ts";
import { builtin } from "../../src/schema/kind-set.ts";
import { root } from "../foreign/tools.ts";
import { sectionOf } from "./blocks.ts";
import { blocksOf, documents } from "./sections.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe("the README", () => {
  test("stays short: what it leads to says the rest", () => {
    expect(Buffer.byteLength(read("README.md"))).toBeLessThan(9_000);
  });

  test("shows goals of speed that the bench's own document has", () => {
    const goals = read("README.md").match(/≥ [\d.]+/g) ?? [];
    expect(goals.length).toBeGreaterThan(3);
    const known = read("bench/README.md");
    expect(goals.filter((goal) => !known.includes(`| ${goal} `))).toEqual([]);
  });
});

describe("what the code generates", () => {
  test.for(Object.entries(generated))("%s has it as it is now (node scripts/update-reference.ts)", ([path, count]) => {
    const text = read(path);
    expect(text.match(/<!-- generated: /g)).toHaveLength(count);
    expect(text).toBe(updated(text));
  });
});

describe("docs/command-line.md", () => {
  const text = read("docs/command-line.md");

  test("has the exit codes that --help shows", () => {
    const codes = Array.from(exitCodesHelp.matchAll(/^ +(\d+) +(.+?)(?: \(SIGINT\))?$/gm), ([, code, meaning]) => `${code} ${meaning}`);
    const rows = Array.from(text.matchAll(/^\| (\d+) +\| (.*?) +\|$/gm), ([, code, meaning]) => `${code} ${meaning}`);
    expect(codes.length).toBeGreaterThan(7);
    expect(rows).toEqual(codes);
  });

  test.for([usersCommand(), optionsCommand(), namesCommand()])("names what `userd $_name` can do", (command) => {
    const rows = text.split("\n").filter((line) => line.startsWith(`| \`userd ${command.name()} `));
    const named = rows.flatMap((row) => Array.from(row.split("|")[1]?.matchAll(/([\w-]+)`/g) ?? [], ([, name]) => name));
    expect(named.toSorted()).toEqual(command.commands.map((one) => one.name()).toSorted());
  });
});

describe("docs/architecture.md", () => {
  test("shows a tree whose paths exist, with every folder of src", () => {
    const text = sectionOf(blocksOf("docs/architecture.md"), "tree").outputs[0]?.text ?? "";
    let folder = "";
    const paths = text.split("\n").flatMap((line) => {
      const [, indent = "", path = ""] = /^( *)(\S+)/.exec(line) ?? [];
      if (path === "") return [];
      if (indent === "" && path.endsWith("/")) folder = path;
      return [indent === "" ? path : `${folder}${path}`];
    });
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const folders = globSync("src/*/", { cwd: root }).map((path) => `${path.replace(/\/$/, "")}/`);
    expect(
      folders.filter((path) => !paths.includes(path)),
      "say in the tree of docs/architecture.md what the folder holds",
    ).toEqual([]);
  });

  test("names every table in the data model, but for those of families", () => {
    const [, model = ""] = /## The data model\n(.*?)\n## /s.exec(read("docs/architecture.md")) ?? [];
    const tables = builtin.entities.map(({ meta }) => meta.tableName).filter((table) => !builtin.tables.has(table));
    expect(tables.length).toBeGreaterThan(30);
    expect(
      tables.filter((table) => !new RegExp(`\\b${table}\\b`).test(model)),
      "say in the data model of docs/architecture.md what the table holds",
    ).toEqual([]);
  });
});

describe("docs/behaviours.md", () => {
  test("has every label that a test cites, and no other", () => {
    const listed = Array.from(read("docs/behaviours.md").matchAll(/^- \*\*([UOP]\d+)\*\* /gm), ([, label]) => label);
    // Labels stand at the beginning of a test's name, one or several.
    const names = globSync("test/**/*.ts", { cwd: root }).flatMap((path) => read(path).match(/(?<=["`])(?:[UOP]\d+,? )+/g) ?? []);
    const cited = new Set(names.flatMap((name) => name.match(/[UOP]\d+/g) ?? []));
    expect(cited.size).toBeGreaterThan(80);
    expect(listed.toSorted()).toEqual([...cited].toSorted());
  });
});

describe("what people are told to install", () => {
  test("has the versions that the foreign clients are tested with", () => {
    /** `name@version`, of whatever kind of list. */
    const versionsIn = (text: string): string[] => [
      ...Array.from(text.matchAll(/"([\w./@-]+)": "(\d\S*)"/g), ([, name, version]) => `${name}@${version}`),
      ...Array.from(text.matchAll(/^\t(\S+) (v\S+)/gm), ([, name, version]) => `${name}@${version}`),
      ...Array.from(text.matchAll(/^(\S+)==(\S+)(?: \\)?$/gm), ([, name, version]) => `${name}@${version}`),
      ...Array.from(text.matchAll(/([\w.-]+\/[\w./-]+)@(v\S+)/g), ([, name, version]) => `${name}@${version}`),
    ];
    const tested = ["package.json", "test/foreign/go/go.mod", "test/foreign/python/requirements.txt", "scripts/install-ci-tools.sh"];
    const pins = tested.flatMap((path) => versionsIn(read(path)));
    const told = [
      ...["examples/go/go.mod", "examples/python/requirements.txt", "examples/typescript/package.json"].map(read),
      ...documents.flatMap(blocksOf).flatMap(({ setup, text }) => (setup ? text : [])),
    ].flatMap(versionsIn);
    expect(told.length).toBeGreaterThan(15);
    expect(told.filter((version) => !pins.includes(version) && version !== "version@0.1.0")).toEqual([]);
  });
});

describe("what is written for people", () => {
  const written = globSync(["*.md", "{proto,bench,examples/*}/README.md", "docs/**/*.md"], { cwd: root });

  test.for(written)("%s names files and folders that exist", (document) => {
    const text = read(document);
    // In code, or named as a document; capitals stand for a name of the reader's own.
    const paths =
      /`((?:docs|proto|test|src|scripts|bench|examples|\.ci)\/[a-z0-9./-]*|Dockerfile|docker-compose\.yml)`|\b([A-Z]{5,}\.md)\b/g;
    const names = [...text.matchAll(paths)].map(([, path, name]) => path ?? name ?? "");
    expect(names.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  /** The anchors of a document's headings, as they are made of their words. */
  const anchorsOf = (path: string): string[] =>
    Array.from(read(path).matchAll(/^#+ (.+)$/gm), ([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-"),
    );

  test.for(written)("%s links to what exists", (document) => {
    const links = Array.from(read(document).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g), ([, path = "", anchor]) => ({
      path,
      anchor,
    }));
    const broken = links.filter(({ path, anchor }) => {
      const target = path === "" ? document : join(dirname(document), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !(statSync(join(root, target)).isFile() && anchorsOf(target).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test("docs/README.md leads to all of them", () => {
    const index = read("docs/README.md");
    const all = globSync(["docs/*.md", "docs/*/*.{json,yml}"], { cwd: root }).map((path) => path.slice("docs/".length));
    expect(all.filter((path) => path !== "README.md" && !index.includes(`](${path})`))).toEqual([]);
  });

  test("records of decisions are short", () => {
    const records = globSync("docs/adr/*.md", { cwd: root });
    expect(records.length).toBeGreaterThan(6);
    expect(records.filter((path) => read(path).split("\n").length > 26)).toEqual([]);
  });
});
