import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { exportUser } from "../support/exports.ts";
import { expectSentence } from "../support/sentence.ts";
import { program, runUserd, SECRET_KEY, temporaryFolder } from "../support/userd.ts";
import { test } from "./fixture.ts";

const file = JSON.stringify([exportUser(1)]);

describe("userd import ends with a code and a sentence, never with a stack trace", { timeout: 120_000 }, () => {
  test("nothing in the file is held: 4, also of a dry run, and serve --import does not start", async ({ ownUrl }) => {
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    const notHeld = JSON.stringify([{ model: "sessions.session", pk: 1, fields: {} }]);
    for (const [input, ...options] of [
      [notHeld],
      [notHeld, "--dry-run"],
      ["[]"],
      [JSON.stringify([exportUser(1, { username: "", email: "" })])],
    ]) {
      const { code, stdout, stderr } = await runUserd(["import", "-", ...options], { settings, input: input ?? "" });
      expect({ code, stderr }).toEqual({ code: 4, stderr: "" });
      expect(stdout).toMatch(/\nNothing in the file is held: .*Is it the right file\?\n$/);
    }
    const served = await runUserd(["serve", "--import", "-"], { settings, input: notHeld });
    expect(served.code).toBe(1);
    expect(served.stderr).toMatch(/^userd: Nothing in the file is held: .*The service did not start\.$/m);
  });

  test("a folder, a file that may not be read, wrong settings and a database that is not there", async ({ ownUrl }) => {
    await using folder = await temporaryFolder();
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    expectSentence(await runUserd(["import", folder.path], { settings }), 2, /can't be read: it is a folder\. Nothing was stored\./);
    const wrong = (url: string) => runUserd(["import", "-"], { settings: { ...settings, DATABASE_URL: url }, input: file });
    expectSentence(await wrong("mysql://localhost/x"), 2, /DATABASE_URL/);
    expectSentence(await wrong("postgres://127.0.0.1:1/x"), 5, /can't be reached/);
    const unknown = new URL(ownUrl);
    unknown.pathname = "/no-such-database";
    expectSentence(await wrong(String(unknown)), 1, /can't be used: database "no-such-database" does not exist/);
  });

  test("the connection is lost in the middle: 5", async ({ ownUrl }) => {
    const { port, hostname } = new URL(ownUrl);
    const sockets = new Set<Socket>();
    const proxy = createServer((socket) => {
      const upstream = connect(Number(port), hostname);
      for (const each of [socket, upstream]) {
        sockets.add(each);
        each.on("error", () => {}).on("close", () => sockets.delete(each));
      }
      socket.pipe(upstream).pipe(socket);
    });
    await new Promise<void>((done) => void proxy.listen(0, "127.0.0.1", done));
    const through = new URL(ownUrl);
    through.hostname = "127.0.0.1";
    through.port = String((proxy.address() as { port: number }).port);
    const child = spawn(process.execPath, [program, "import", "-"], {
      env: { PATH: process.env["PATH"], SECRET_KEY, LOG_LEVEL: "fatal", DATABASE_URL: String(through) },
    });
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += text));
    child.stdin.on("error", () => {});
    child.stdin.write(`[${JSON.stringify(exportUser(1))}`);
    // It reads for as long as the file is open; by then the transaction is.
    for (let tries = 0; sockets.size === 0 && tries < 400; tries += 1) await delay(50);
    await delay(1_500);
    for (const socket of sockets) socket.destroy();
    child.stdin.end(`,${Array.from({ length: 3_000 }, (_, index) => JSON.stringify(exportUser(index + 2))).join(",")}]`);
    const code = await new Promise((done) => child.on("close", done));
    await new Promise((done) => proxy.close(done));
    expect(stderr).toMatch(/^userd: .*(lost|reached).*\.$/m);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(code).toBe(5);
  });

  test("Ctrl-C ends with 130 and SIGTERM with 143 while the file is read", async ({ ownUrl }) => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const child = spawn(process.execPath, [program, "import", "-"], {
        env: { PATH: process.env["PATH"], SECRET_KEY, LOG_LEVEL: "info", DATABASE_URL: ownUrl },
      });
      let stderr = "";
      child.stderr.on("data", (text) => (stderr += text));
      child.stdin.on("error", () => {}).write(`[${JSON.stringify(exportUser(1))}`);
      // It says every few seconds how far it is.
      for (let tries = 0; !stderr.includes("reading: ") && tries < 400; tries += 1) {
        child.stdin.write(" ");
        await delay(100);
      }
      child.kill(signal);
      expect(await new Promise((done) => child.on("close", done))).toBe(code);
      expect(stderr).toMatch(/userd: Interrupted: nothing was stored\.\n$/);
      expect(stderr).not.toMatch(/^ {4}at /m);
    }
  });

  test("a reader that went away changes nothing; a full disk for the report is told", async ({ ownUrl }) => {
    const shell = (script: string) =>
      new Promise<{ code: number | null; stderr: string }>((done) => {
        const child = spawn("sh", ["-c", script], {
          env: { PATH: process.env["PATH"], NODE: process.execPath, USERD: program, SECRET_KEY, LOG_LEVEL: "fatal", DATABASE_URL: ownUrl },
        });
        let stderr = "";
        child.stderr.on("data", (text) => (stderr += text));
        child.on("close", (code) => done({ code, stderr }));
        child.stdin.end(file);
      });
    expect(await shell('"$NODE" "$USERD" import - | true')).toEqual({ code: 0, stderr: "" });
    expect(await shell('"$NODE" "$USERD" import - > /dev/full')).toEqual({
      code: 1,
      stderr: "userd: What was done can't be printed: ENOSPC: no space left on device, write.\n",
    });
  });

  test("a map that can't be written is known before anything is stored, and no half of one is left", async ({ ownUrl }) => {
    await using folder = await temporaryFolder();
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    const remap = (map: string) => runUserd(["import", "-", "--on-conflict=remap", "--map", map], { settings, input: file });
    expectSentence(await remap(join(folder.path, "none", "map.json")), 2, /The map can't be written: .*Nothing was stored\./);
    expectSentence(
      await runUserd(["import", "-", "--map", "/dev/full", "--on-conflict=remap"], { settings, input: "[" }),
      2,
      /map|too early/,
    );
    expect(await remap(join(folder.path, "map.json"))).toMatchObject({ code: 0 });
    expect(await readdir(folder.path)).toEqual(["map.json"]);
  });
});

test("a fault that nobody foresaw is one line that says where it is", async () => {
  const { explain } = await import("../../src/cli/explain.ts");
  expect(explain(new TypeError("x is not\na function"))).toMatch(
    /^userd: This is a fault of userd [\d.]+; please report this line to its issues: TypeError: x is not( at \S+( < \S+)*)?$/,
  );
  const sentence = explain(Object.assign(new Error("secret canary"), { code: "22P02" }));
  expect(sentence).not.toContain("canary");
  expect(explain(Object.assign(new Error("could not extend file"), { code: "53100" }))).toBe(
    "userd: The database has no space, memory or connection left (53100).",
  );
});
