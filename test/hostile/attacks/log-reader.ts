import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { program, SECRET_KEY, temporaryFolder } from "../../support/userd.ts";
import type { Attack, Finding, Strength, Target } from "../attack.ts";

/** Starts another service over the database whose log goes into a pipe that nobody reads; at this level it has a line for each call. */
const startUnread = async ({ databaseUrl }: Target, pipe: string) => {
  // The shell keeps the pipe open for reading, so that it is full, and not broken.
  const command = `mkfifo '${pipe}' && exec 3<>'${pipe}' && exec "$0" "$1" serve 2>'${pipe}'`;
  const settings = { SECRET_KEY, DATABASE_URL: databaseUrl, LOG_LEVEL: "debug", DRAIN_SECONDS: "0", WORKERS: "1" };
  const child = spawn("sh", ["-c", command, process.execPath, program], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { PATH: process.env["PATH"], GRPC_LISTEN: "127.0.0.1:0", HTTP_LISTEN: "127.0.0.1:0", ...settings },
  });
  const ended = once(child, "exit");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, ended, url: `http://${/HTTP on (\S+)/.exec(line)?.[1]}` };
};

const run = async (target: Target, strength: Strength): Promise<Finding[]> => {
  await using folder = await temporaryFolder();
  const { child, ended, url } = await startUnread(target, join(folder.path, "log"));
  try {
    const body = JSON.stringify({ userId: String(target.userId), key: "timezone" });
    const headers = { "content-type": "application/json", "x-request-id": "r".repeat(128) };
    let [calls, slowest] = [0, 0];
    const end = performance.now() + strength.of(4_000, 30_000);
    const read = async () => {
      while (performance.now() < end) {
        const started = performance.now();
        await (await fetch(`${url}/userd.v1.UserOptionService/GetOption`, { method: "POST", headers, body })).arrayBuffer();
        calls += 1;
        slowest = Math.max(slowest, performance.now() - started);
      }
    };
    await Promise.all(Array.from({ length: 8 }, read));
    const page = await (await fetch(`${url}/metrics`)).text();
    const lost = Number(/^userd_log_lines_lost_total (\d+)/m.exec(page)?.[1]);
    child.kill("SIGTERM");
    const code = await Promise.race([ended.then(([status]) => Number(status ?? 1)), delay(10_000, 1)]);
    process.stdout.write(`  ${calls} calls, the slowest ${slowest.toFixed(0)} ms, ${lost} lines lost, exit ${code}\n`);
    return [
      // A line takes 300 bytes, and a pipe 64 KB.
      { name: "calls_answered", value: calls, bound: 1_000, atLeast: true },
      { name: "slowest_ms", value: slowest, bound: 1_000 },
      { name: "exit_code", value: code, bound: 0 },
    ];
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
};

/** A reader of the log that has stopped. */
export const logReader: Attack = {
  name: "log-reader",
  about: "nobody reads the log of a service that has a line for each call",
  bounds: { memoryMb: 200 },
  run,
};
