import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { test } from "../support/database.ts";
import { program, SECRET_KEY } from "../support/userd.ts";

test("a service whose log nobody reads answers, and ends when it is told to", { timeout: 60_000 }, async ({ databaseUrl }) => {
  const folder = mkdtempSync(join(tmpdir(), "userd-log-"));
  // A pipe, as shells make them; Node's own are sockets.
  const command = `mkfifo '${folder}/log' && exec 3<>'${folder}/log' && exec "$0" "$1" serve 2>'${folder}/log'`;
  const child = spawn("sh", ["-c", command, process.execPath, program], {
    stdio: ["ignore", "pipe", "ignore"],
    env: {
      ...{ PATH: process.env["PATH"], SECRET_KEY, DATABASE_URL: databaseUrl, LOG_LEVEL: "debug", DRAIN_SECONDS: "0", WORKERS: "1" },
      ...{ GRPC_LISTEN: "127.0.0.1:0", HTTP_LISTEN: "127.0.0.1:0" },
    },
  });
  const ended = once(child, "exit");
  try {
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const address = /HTTP on (\S+)/.exec(line)?.[1];
    const read = async () => {
      const response = await fetch(`http://${address}/userd.v1.UserOptionService/GetOption`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"userId":"1","key":"a"}',
      });
      await response.arrayBuffer();
    };
    // A pipe takes 64 KB; a line of each call at this level 200 bytes.
    for (let round = 0; round < 100; round += 1) await Promise.all(Array.from({ length: 10 }, read));
    await delay(100);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});
