import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { formatAddress } from "../../../src/server/sockets.ts";
import { root, runOk, temporaryFolder } from "../../foreign/tools.ts";
import { buildUser, value } from "../../support/build.ts";
import { test } from "../../support/service.ts";

const client = join(root, "clients/typescript");
const provider = join(root, "clients/openfeature/typescript");

/** The fields of a package.json that are compared. */
type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
};

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** Packs packages as npm does, and installs them in a folder, with the dependencies that this repository has. */
const install = async (folder: string, ...sources: string[]): Promise<void> => {
  const modules = join(folder, "node_modules");
  for (const source of sources) {
    await runOk("npm", ["run", "--silent", "build"], { cwd: source });
    const tarball = (await runOk("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: source })).trim().split("\n").at(-1);
    const { name, dependencies = {}, peerDependencies = {} } = manifestOf(source);
    const installed = join(modules, name);
    await mkdir(installed, { recursive: true });
    await runOk("tar", ["-xzf", join(folder, tarball ?? ""), "--strip-components=1", "-C", installed]);
    for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
      const place = join(modules, dependency);
      await mkdir(join(place, ".."), { recursive: true });
      if (!existsSync(place)) await symlink(join(root, "node_modules", dependency), place);
    }
  }
};

const runProgram = ["--disable-warning=ExperimentalWarning"];

test("npm packs a client in TypeScript that a program can use", { timeout: 120_000 }, async ({ service }) => {
  await using folder = await temporaryFolder();
  await install(folder.path, client);
  await cp(join(client, "examples"), folder.path, { recursive: true });
  const env = { USERD_ADDRESS: formatAddress(service.grpcAddress) };
  const outputs = [];
  // The second time its user is there already.
  for (const _ of [1, 2]) outputs.push(await runOk("node", [...runProgram, "hello.ts"], { cwd: folder.path, env }));
  expect(outputs).toEqual(Array(2).fill("Ann Example\nEurope/Vienna\ntrue\n"));
});

test("npm packs a provider for OpenFeature, and a program with it is told of a changed default", { timeout: 120_000 }, async ({
  service,
  clients,
}) => {
  const { users, options } = clients["grpc-js"];
  const { user } = await users.createUser({ user: buildUser() });
  await using folder = await temporaryFolder();
  await install(folder.path, client, provider);
  await cp(join(provider, "examples"), folder.path, { recursive: true });
  const env = { ...process.env, USERD_ADDRESS: formatAddress(service.grpcAddress) };
  const program = spawn(process.execPath, [...runProgram, "flag.ts", "flags.packed", String(user?.id)], { cwd: folder.path, env });
  try {
    const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("false");
    await options.setScopeOption({ target: { case: "globalScope", value: {} }, key: "flags.packed", value: value(true) });
    // Nobody asks: the feed tells the program.
    expect((await lines.next()).value).toBe("true");
  } finally {
    program.kill();
  }
});

test("all client libraries have the version of the service", () => {
  const { version } = manifestOf(root);
  const text = (path: string) => readFileSync(join(root, "clients", path), "utf8");
  for (const folder of ["typescript", "openfeature/typescript"]) expect(manifestOf(join(root, "clients", folder)).version).toBe(version);
  expect(text("openfeature/typescript/package.json")).toContain(`"@userd/client": "${version}"`);
  expect(text("openfeature/go/go.mod")).toContain(`\tuserd.dev/client v${version}\n`);
  expect(text("python/pyproject.toml")).toContain(`\nversion = "${version}"\n`);
});

test("the client has the dependencies that this repository tests", () => {
  const ours = manifestOf(root);
  const { dependencies = {} } = manifestOf(client);
  for (const [name, pin] of Object.entries(dependencies)) expect(ours.dependencies?.[name], name).toBe(pin);
});
