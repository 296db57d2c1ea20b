import { existsSync, readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root, run, runOk, temporaryFolder } from "../foreign/tools.ts";
import { parseBlocks, sectionOf } from "../readme/blocks.ts";
import { start } from "./process.ts";

test("the README's first command starts the service on a clean copy, and what it says to try works", { timeout: 600_000 }, async ({
  skip,
}) => {
  if (!process.env["REQUIRE_TOOLS"]) return skip("slow: runs with REQUIRE_TOOLS=1");
  const { commands, outputs } = sectionOf(parseBlocks(readFileSync(join(root, "README.md"), "utf8")), "start");
  await using folder = await temporaryFolder();
  const files = await runOk("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
  for (const file of files.split("\0").filter((path) => path !== "" && existsSync(join(root, path)))) {
    await cp(join(root, file), join(folder.path, file));
  }
  // As a newcomer has it: the machine's own Node, and none of the variables that npm gives to what it runs.
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_") && name !== "NODE_ENV" && name !== "VITEST");
  const PATH = (process.env["PATH"] ?? "")
    .split(":")
    .filter((path) => !path.includes("node_modules"))
    .join(":");
  const addresses = { GRPC_LISTEN: "127.0.0.1:0", HTTP_LISTEN: "127.0.0.1:0" };
  const env = { ...Object.fromEntries(own), PATH, ...addresses, npm_config_prefer_offline: "true" };

  await using service = start(["bash", "-euc", commands.map(({ text }) => text).join("")], { cwd: folder.path, env });
  const [ready = ""] = await service.printed(/^userd is ready: .*$/m);
  const withoutPorts = (text: string) => text.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1");
  expect(withoutPorts(ready)).toBe(withoutPorts(outputs[0]?.text.trim() ?? ""));
  const [, attempt = ""] = await service.printed(/^Try: (curl .*)$/m);
  const { code, stdout } = await run("bash", ["-c", attempt]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).user).toMatchObject({ id: "1" });
  expect(existsSync(join(folder.path, "data"))).toBe(true);

  // Ctrl-C reaches npm and all that it runs.
  process.kill(-(service.child.pid ?? 0), "SIGINT");
  await service.ended;
  expect(service.output()).not.toContain("Error");
});
