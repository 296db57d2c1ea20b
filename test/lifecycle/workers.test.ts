import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect } from "vitest";
import { replaceCallersFile, sha256, writeCallersFile } from "../server/callers/callers-file.ts";
import { createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { test } from "../support/database.ts";
import { expectSentence } from "../support/sentence.ts";
import { runUserd, startService } from "../support/userd.ts";

/** The processes that a process has started. */
const childrenOf = async (pid: number): Promise<number[]> =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ").filter(Boolean).map(Number);

/** What is counted on a page, by its line up to the value: counters, and the parts of histograms. */
const countersOf = (page: string): Map<string, number> => {
  const growing = new Set(Array.from(page.matchAll(/^# TYPE (\w+) (?:counter|histogram)$/gm), ([, name]) => name));
  const lines = Array.from(page.matchAll(/^(\w+)(\{.*\})? (\S+)$/gm));
  const isGrowing = (name = "") => growing.has(name) || growing.has(name.replace(/_(?:bucket|sum|count)$/, ""));
  return new Map(lines.flatMap(([, name, labels = "", value]) => (isGrowing(name) ? [[`${name}${labels}`, Number(value)] as const] : [])));
};

const metric = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);

describe("several workers", () => {
  test.skipIf(!existsSync("/proc/self/task"))(
    "processes share the ports, count together, replace each other and drain together",
    { timeout: 90_000 },
    async ({ databaseUrl }) => {
      await using service = await startService({ DATABASE_URL: databaseUrl, WORKERS: "2" });
      expect(service.output().stdout).toContain("\nWorkers: 2, each with up to 20 connections to PostgreSQL\n");
      const page = async (path: string) => (await fetch(`http://127.0.0.1:${service.httpAddress.port}${path}`)).text();
      const metrics = () => page("/metrics");
      // Several connections, so that both have some.
      const clients = Array.from({ length: 6 }, () => createClients(service));
      const { id: userId } = await createUser((clients[0] as (typeof clients)[number]).byKind["grpc-js"]);
      for (const { byKind } of clients) {
        for (let call = 0; call < 5; call += 1) await byKind["grpc-js"].options.setOption({ userId, key: `k${call}`, value: value(call) });
      }
      const counted = /userd_calls_total\{method="userd.v1.UserOptionService\/SetOption",code="OK"\} (\d+)/;
      expect(Number(counted.exec(await metrics())?.[1])).toBe(30);
      expect(metric(await metrics(), "userd_workers")).toBe(2);

      // The one that dies takes its connections with it, and another one takes its place; what it has counted stays counted.
      const pids = () => childrenOf(service.process.pid ?? 0);
      for (const pid of await pids()) {
        expect(await readFile(`/proc/${pid}/environ`, "utf8")).toContain("GLIBC_TUNABLES=glibc.malloc.mxfast=0");
      }
      let last = countersOf(await metrics());
      expect(last.size).toBeGreaterThan(50);
      const noneFell = async () => {
        const now = countersOf(await metrics());
        expect([...last].filter(([line, value]) => (now.get(line) ?? 0) < value)).toEqual([]);
        last = now;
      };
      const [survivor] = await pids();
      // The second one to die is the replacement: what the first one has counted outlives it too.
      for (let round = 0; round < 2; round += 1) {
        const dying = (await pids()).find((pid) => pid !== survivor) ?? 0;
        process.kill(dying, "SIGKILL");
        await expect.poll(async () => (await pids()).includes(dying)).toBe(false);
        await noneFell();
        await expect.poll(async () => (await pids()).length, { timeout: 20_000 }).toBe(2);
        await expect.poll(async () => metric(await metrics(), "userd_workers"), { timeout: 20_000 }).toBe(2);
        await noneFell();
      }
      expect(Number(counted.exec(await metrics())?.[1])).toBe(30);

      for (const { close } of clients) close();
      service.process.kill("SIGTERM");
      expect(await service.ended).toMatchObject({ code: 0 });
    },
  );

  test("every process takes a callers' file that has changed, and pools that the database has no room for are told of", {
    timeout: 60_000,
  }, async ({ databaseUrl }) => {
    const callerOf = (token: string) => ({ callers: [{ name: "reader", token_sha256: sha256(token), permissions: ["users.read"] }] });
    const TOKEN_FILE = writeCallersFile(callerOf("old"));
    await using service = await startService({ DATABASE_URL: databaseUrl, TOKEN_FILE, DATABASE_POOL_SIZE: "500" }, ["--workers", "2"]);
    expect(service.output().stderr).toContain("the pools of the workers can open more connections than the database lets in");
    /** The statuses of calls over as many connections, so that each process has some. */
    const statuses = async (token: string) => {
      const call = async () => {
        const { status } = await fetch(`http://127.0.0.1:${service.httpAddress.port}/userd.v1.UserService/GetUser`, {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${token}`, connection: "close" },
          body: '{"id": 999999999}',
        });
        return status;
      };
      return new Set(await Promise.all(Array.from({ length: 12 }, call)));
    };
    expect(await statuses("old")).toEqual(new Set([404]));
    replaceCallersFile(TOKEN_FILE, callerOf("new"));
    await expect.poll(() => statuses("old"), { timeout: 10_000 }).toEqual(new Set([401]));
    expect(await statuses("new")).toEqual(new Set([404]));
  });

  test("the embedded database belongs to one process", async () => {
    const refused = await runUserd(["serve", "--workers", "2"], { settings: { DATABASE_URL: "pglite:memory" } });
    expectSentence(refused, 1, /WORKERS above 1 needs PostgreSQL/);
  });

  test.for(["0", "1.5", "many", "1000"])("--workers %s is wrong usage", async (workers) => {
    expect(await runUserd(["serve", "--workers", workers])).toMatchObject({ code: 2 });
  });

  test("what keeps the service from starting is told once, however many workers there are", async ({ databaseUrl }) => {
    const settings = { DATABASE_URL: databaseUrl, GRPC_LISTEN: "192.0.2.1:50051" };
    const refused = await runUserd(["serve", "--workers", "3", "--insecure"], { settings });
    expectSentence(refused, 2, /GRPC_LISTEN 192\.0\.2\.1:50051 is not an address of this machine/);
  });
});
