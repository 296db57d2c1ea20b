import { readFileSync } from "node:fs";
import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../../src/server/sockets.ts";
import { root, runOk, temporaryFolder } from "../../foreign/tools.ts";
import { test } from "../../support/service.ts";

const client = join(root, "clients/typescript");

/** The fields of a package.json that are compared. */
type Manifest = { readonly version: string; readonly dependencies: Readonly<Record<string, string>> };

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

test("npm packs a client in TypeScript that a program can use", { timeout: 120_000 }, async ({ service }) => {
  await using folder = await temporaryFolder();
  await runOk("npm", ["run", "--silent", "build"], { cwd: client });
  const tarball = (await runOk("npm", ["pack", "--silent", "--pack-destination", folder.path], { cwd: client })).trim().split("\n").at(-1);
  const modules = join(folder.path, "node_modules");
  await mkdir(join(modules, "@userd/client"), { recursive: true });
  await runOk("tar", ["-xzf", join(folder.path, tarball ?? ""), "--strip-components=1", "-C", join(modules, "@userd/client")]);
  const { dependencies } = manifestOf(join(modules, "@userd/client"));
  for (const name of Object.keys(dependencies)) {
    await mkdir(join(modules, name, ".."), { recursive: true });
    await symlink(join(root, "node_modules", name), join(modules, name));
  }
  await cp(join(client, "examples"), folder.path, { recursive: true });
  const env = { USERD_ADDRESS: formatAddress(service.grpcAddress) };
  const outputs = [];
  // The second time its user is there already.
  for (const _ of [1, 2])
    outputs.push(await runOk("node", ["--disable-warning=ExperimentalWarning", "hello.ts"], { cwd: folder.path, env }));
  expect(outputs).toEqual(Array(2).fill("Ann Example\nEurope/Vienna\ntrue\n"));
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
  const { dependencies } = manifestOf(client);
  for (const [name, pin] of Object.entries(dependencies)) expect(ours.dependencies[name], name).toBe(pin);
});
