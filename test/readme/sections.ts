import { readFileSync } from "node:fs";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import type { App } from "../../src/app.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { root, runScript, temporaryFolder, toolPath, venvPython } from "../foreign/tools.ts";
import type { Clients } from "../support/clients.ts";
import { type Block, parseBlocks, sectionOf } from "./blocks.ts";

/** A part of a document whose blocks are run together. */
export type Section = {
  readonly document: string;
  readonly name: string;
  /** What a machine has to have for it. */
  readonly tools: readonly string[];
  /** It takes minutes: run with the tools' tests (test/examples). */
  readonly slow?: true;
};

/** The sections that are run, in the order in which a reader comes by them. */
export const sections: readonly Section[] = [
  { document: "README.md", name: "tour", tools: ["curl"] },
  { document: "docs/clients.md", name: "grpcurl", tools: ["curl", "grpcurl"] },
  { document: "docs/clients.md", name: "buf", tools: ["curl", "buf"] },
  { document: "docs/clients.md", name: "go", tools: ["curl", "go", "protoc-gen-go", "protoc-gen-go-grpc"] },
  { document: "docs/clients.md", name: "python", tools: ["curl", venvPython] },
  { document: "docs/clients.md", name: "typescript", tools: ["curl"] },
  { document: "docs/clients.md", name: "rust", tools: [], slow: true },
  { document: "docs/command-line.md", name: "cli", tools: ["curl"] },
  { document: "docs/command-line.md", name: "import", tools: [] },
  { document: "examples/kinds/README.md", name: "kinds", tools: ["bash", "curl", "patch", venvPython], slow: true },
];

/** The documents each of whose blocks belongs to a section that is run, or is `untested`. */
export const documents = [
  "README.md",
  "docs/clients.md",
  "docs/command-line.md",
  "docs/architecture.md",
  "examples/kinds/README.md",
] as const;

/** Sections that other tests look at: `start` test/packaging, `test` .ci/run, `tree` documents.test.ts. A `figure` is for the eye. */
export const elsewhere = ["start", "test", "tree", "figure"] as const;

/** The blocks of a document, in order. */
export const blocksOf = (document: string): Block[] => parseBlocks(readFileSync(join(root, document), "utf8"));

/** Whether blocks that install packages are run: where tools are required. */
const requireTools = Boolean(process.env["REQUIRE_TOOLS"]);

/** Stands between the outputs of two blocks. */
const separator = "\u001e";

/** What a developer has installed, instead of installing it for every run of the tests. */
const installed: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  typescript: async (folder) => {
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
export const writtenBefore = async ({ name }: Section, { users, options }: Clients): Promise<void> => {
  const placeOf = (of: string) => sections.findIndex((section) => section.name === of);
  /** Not a second time: even a write that changes nothing takes a number from those that etags show. */
  const set = async (key: string, text: string) => {
    const { found } = await options.getOption({ userId: 1n, key });
    if (!found) await options.setOption({ userId: 1n, key, value: { kind: { case: "stringValue", value: text } } });
  };
  if (placeOf(name) <= placeOf("tour")) return;
  await users.getUser({ id: 1n }).catch(() => users.createUser({ user: { email: "ann@example.com", name: "Ann Example" } }));
  await set("theme", "dark");
  if (placeOf(name) <= placeOf("grpcurl")) return;
  await set("timezone", "Europe/Vienna");
};

/** Where a service listens. */
type Addresses = Pick<App, "grpcAddress" | "httpAddress">;

/** How a section is run, if not as all are. */
type RunOptions = {
  /** Where the last command is run once more: what was installed and compiled for the first time serves it. */
  readonly again?: Addresses;
  /** Where a second service of the section listens. */
  readonly second?: Addresses;
  readonly env?: NodeJS.ProcessEnv;
};

/** Runs the commands of a section in a folder of their own, in one shell; resolves to what each block printed. */
export const runSection = async (
  { document, name }: Section,
  first: Addresses,
  { again, second = first, env: own = {} }: RunOptions = {},
): Promise<string[]> => {
  await using folder = await temporaryFolder();
  const { files, commands } = sectionOf(blocksOf(document), name);
  const substituted = ({ text }: Block) =>
    text
      .replaceAll("127.0.0.1:50051", formatAddress(first.grpcAddress))
      .replaceAll("127.0.0.1:50052", formatAddress(second.grpcAddress))
      .replaceAll("127.0.0.1:8080", formatAddress(first.httpAddress))
      .replaceAll("127.0.0.1:8081", formatAddress(second.httpAddress));
  for (const copied of ["proto", "examples"]) await cp(join(root, copied), join(folder.path, copied), { recursive: true });
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
  // What a section starts in the background ends with it, also when it fails.
  const script = ["trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"];
  script.push(
    ...chosen.map((block) => (block.setup ? `{\n${substituted(block)}} >&2\n` : `${substituted(block)}\nprintf '${separator}'\n`)),
  );
  const [last = ""] = chosen.at(-1)?.text.trim().split("\n").slice(-1) ?? [];
  if (again !== undefined) script.push(`export USERD_ADDRESS=${formatAddress(again.grpcAddress)}\n${last}\nprintf '${separator}'\n`);
  const env = {
    PATH: `${join(folder.path, "node_modules/.bin")}${delimiter}${toolPath}`,
    USERD_ADDRESS: formatAddress(first.grpcAddress),
    DATABASE_URL: "pglite:./data",
    LOG_LEVEL: "error",
    // What is compiled once serves all runs.
    CARGO_TARGET_DIR: join(root, "node_modules/.cache/userd-tools/rust"),
    ...own,
  };
  const output = await runScript(script.join(""), { cwd: folder.path, env });
  return output.split(separator).slice(0, -1);
};
