import { existsSync, globSync, readFileSync } from "node:fs";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect } from "vitest";
import { updated } from "../../scripts/update-readme.ts";
import type { App } from "../../src/app.ts";
import { exitCodesHelp } from "../../src/cli/exit.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { needTools, root, runScript, temporaryFolder, venvPython } from "../foreign/tools.ts";
import type { Clients } from "../support/clients.ts";
import { test } from "../support/service.ts";
import { type Block, parseBlocks, sectionOf, shown } from "./blocks.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = parseBlocks(readme);
const requireTools = Boolean(process.env["REQUIRE_TOOLS"]);

/** The sections that are run, in the order of the README, and the tools that each takes. */
const sections: Readonly<Record<string, readonly string[]>> = {
  tour: ["curl"],
  grpcurl: ["curl", "grpcurl"],
  buf: ["curl", "buf"],
  go: ["curl", "go", "protoc-gen-go", "protoc-gen-go-grpc"],
  python: ["curl", venvPython],
  typescript: ["curl"],
  cli: ["curl"],
  import: [],
};

/** Stands between the outputs of two blocks. */
const separator = "\u001e";

/** What a developer has installed, instead of installing it for every run of the tests. */
const installed: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  go: async (folder) => {
    const manifest = await readFile(join(root, "test/foreign/go/go.mod"), "utf8");
    await writeFile(join(folder, "go.mod"), manifest.replace("module userd", "module hello"));
    await cp(join(root, "test/foreign/go/go.sum"), join(folder, "go.sum"));
  },
  typescript: async (folder) => {
    await writeFile(join(folder, "package.json"), '{"type": "module"}');
    await mkdir(join(folder, "node_modules"), { recursive: true });
    for (const scope of ["@bufbuild", "@connectrpc"]) {
      await symlink(join(root, "node_modules", scope), join(folder, "node_modules", scope));
    }
  },
};

/** Puts the programs of this repository where npx looks for them. */
const linkPrograms = async (folder: string): Promise<void> => {
  const bin = join(folder, "node_modules", ".bin");
  await mkdir(bin, { recursive: true });
  await symlink(join(root, "bin", "userd.js"), join(bin, "userd"));
  for (const name of ["buf", "protoc-gen-es"]) await symlink(join(root, "node_modules", ".bin", name), join(bin, name));
};

/** Writes what the sections before this one write, and a machine that lacks their tools has skipped; otherwise it is there already. */
const writtenBefore = async (name: string, { users, options }: Clients): Promise<void> => {
  const at = Object.keys(sections).indexOf(name);
  if (at <= Object.keys(sections).indexOf("tour")) return;
  await users.getUser({ id: 1n }).catch(() => users.createUser({ user: { email: "ann@example.com", name: "Ann Example" } }));
  if (at <= Object.keys(sections).indexOf("grpcurl")) return;
  const value = { kind: { case: "stringValue", value: "Europe/Vienna" } } as const;
  await options.setOption({ userId: 1n, key: "timezone", value });
};

/** Runs the commands of a section in a folder of their own, in one shell; resolves to what each block printed. */
const runSection = async (name: string, { grpcAddress, httpAddress }: App): Promise<string[]> => {
  await using folder = await temporaryFolder();
  const { files, commands } = sectionOf(blocks, name);
  const substituted = ({ text }: Block) =>
    text.replaceAll("127.0.0.1:50051", formatAddress(grpcAddress)).replaceAll("127.0.0.1:8080", formatAddress(httpAddress));
  await cp(join(root, "proto"), join(folder.path, "proto"), { recursive: true });
  for (const block of files) {
    const path = join(folder.path, block.file ?? "");
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, substituted(block));
  }
  const installs = requireTools && commands.some(({ setup }) => setup);
  if (!installs) {
    await linkPrograms(folder.path);
    await installed[name]?.(folder.path);
  }
  const chosen = commands.filter(({ setup }) => installs || !setup);
  const script = chosen.map((block) =>
    block.setup ? `{\n${substituted(block)}} >&2\n` : `${substituted(block)}\nprintf '${separator}'\n`,
  );
  const env = {
    USERD_ADDRESS: formatAddress(grpcAddress),
    DATABASE_URL: "pglite:./data",
    LOG_LEVEL: "error",
    // A module that the client adds is added, whatever the machine's own settings for Go are.
    GOFLAGS: "-mod=mod",
  };
  const output = await runScript(script.join(""), { cwd: folder.path, env });
  return output.split(separator).slice(0, -1);
};

describe("the README", () => {
  test("has no block that is not tested", () => {
    // `start` is run by test/packaging, `test` by .ci/run, `tree` below.
    const known = new Set([...Object.keys(sections), "start", "test", "tree"]);
    expect(blocks.filter((block) => block.sections.length === 0 || !block.sections.every((name) => known.has(name)))).toEqual([]);
    expect(readme.match(/^```/gm)).toHaveLength(blocks.length * 2);
  });

  describe("prints what its commands print", () => {
    test.for(Object.entries(sections))("%s", { timeout: 600_000 }, async ([name, tools], { service, clients, skip }) => {
      needTools(skip, ...tools);
      await writtenBefore(name, clients["grpc-js"]);
      const outputs = await runSection(name, service);
      const expected = sectionOf(blocks, name).outputs;
      expect(outputs).toHaveLength(expected.length);
      for (const [index, { language, text }] of expected.entries()) {
        const output = outputs[index] ?? "";
        if (language === "json") expect(shown(JSON.parse(output), JSON.parse(text))).toEqual(JSON.parse(text));
        else expect(output.trim()).toBe(text.trim());
      }
    });
  });

  test("has the tables that the code generates (node scripts/update-readme.ts)", () => {
    expect(readme.match(/<!-- generated: /g)).toHaveLength(2);
    expect(readme).toBe(updated(readme));
  });

  test("has the exit codes that --help shows", () => {
    const codes = Array.from(exitCodesHelp.matchAll(/^ +(\d) +(.+)$/gm), ([, code, meaning]) => `${code} ${meaning}`);
    const rows = Array.from(readme.matchAll(/^\| (\d) +\| (.*?) +\|$/gm), ([, code, meaning]) => `${code} ${meaning}`);
    expect(rows).toEqual(codes);
  });

  test("shows a tree whose paths exist", () => {
    const text = sectionOf(blocks, "tree").outputs[0]?.text ?? "";
    let folder = "";
    const paths = text.split("\n").flatMap((line) => {
      const [, indent = "", path = ""] = /^( *)(\S+)/.exec(line) ?? [];
      if (path === "") return [];
      if (indent === "" && path.endsWith("/")) folder = path;
      return [indent === "" ? path : `${folder}${path}`];
    });
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("installs the versions that the foreign clients are tested with", () => {
    const pins = ["package.json", "test/foreign/go/go.mod", "test/foreign/python/requirements.txt", "scripts/install-ci-tools.sh"]
      .map((path) => readFileSync(join(root, path), "utf8"))
      .join("\n")
      .replaceAll(/"(\S+)": "(\S+)"/g, "$1@$2")
      .replaceAll(/^\t(\S+) (v\S+)/gm, "$1@$2");
    const versions = blocks.filter(({ setup }) => setup).flatMap(({ text }) => text.match(/[\w./@-]+(?:@v?|==)\d[\w.-]*/g) ?? []);
    expect(versions.length).toBeGreaterThan(8);
    expect(versions.filter((version) => !pins.includes(version))).toEqual([]);
  });
});

describe("what is written for people", () => {
  const documents = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "proto/README.md", ...globSync("docs/**/*.md", { cwd: root })];

  test.for(documents)("%s names files and folders that exist", (document) => {
    const text = readFileSync(join(root, document), "utf8");
    // In code, or named as a document; capitals stand for a name of the reader's own.
    const paths = /`((?:docs|proto|test|src|scripts|bench|\.ci)\/[a-z0-9./-]*|Dockerfile|docker-compose\.yml)`|\b([A-Z]{5,}\.md)\b/g;
    const names = [...text.matchAll(paths)].map(([, path, name]) => path ?? name ?? "");
    expect(names.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("records of decisions are short", () => {
    const records = globSync("docs/adr/*.md", { cwd: root });
    expect(records.length).toBeGreaterThan(6);
    expect(records.filter((path) => readFileSync(join(root, path), "utf8").split("\n").length > 26)).toEqual([]);
  });
});
