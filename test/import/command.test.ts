import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { exportUser } from "../support/exports.ts";
import { expectSentence } from "../support/sentence.ts";
import { runUserd, startService, temporaryFolder } from "../support/userd.ts";
import { test } from "./fixture.ts";

const sample = (name: string) => fileURLToPath(new URL(`./samples/${name}.json`, import.meta.url));
const maximum = sample("user-with-maximum-privileges");
const fresh = sample("fresh-install");

/** A map that names users alone. */
const ofUsers = (users: Readonly<Record<string, string>>) => ({ users, organizations: {}, projects: {}, teams: {}, accounts: {} });

describe("userd import", { timeout: 120_000 }, () => {
  // One folder for all of it: making one takes as long as the rest of these tests.
  test("on the embedded database: stores, changes nothing the second time, refuses a conflict with exit code 3, and is refused itself while the service runs on the folder", {
    timeout: 240_000,
  }, async () => {
    await using folder = await temporaryFolder();
    const settings = { DATABASE_URL: `pglite:${join(folder.path, "data")}`, LOG_LEVEL: "warn" };
    const first = await runUserd(["import", maximum], { settings });
    expect(first.code).toBe(0);
    // Nothing but how far it is, which an import tells every five seconds.
    expect(first.stderr).toMatch(/^([a-z ]+: \d+\.\d MB, \d+ records\n)*$/);
    expect(first.stdout).toMatch(/^model +read +created +updated +unchanged +skipped\nsentry.user +1 +1 +0 +0 +0\n/);
    const second = await runUserd(["import", maximum], { settings });
    const counts = [...second.stdout.matchAll(/^sentry\.\w+ +(.*)$/gm)].map(([, rest = ""]) => rest.split(/ +/).join(" "));
    expect(counts).toEqual(Array.from({ length: 8 }, () => "1 0 0 1 0"));
    const third = await runUserd(["import", fresh], { settings });
    expect(third.code).toBe(3);
    expect(third.stdout).toContain('sentry.user 1 "admin@example.com" (record 8): 1 is "testing@example.com" here');
    expect(third.stdout).toContain("1 conflict: nothing was stored.");
    await using service = await startService(settings);
    expectSentence(await runUserd(["import", maximum], { settings }), 1, new RegExp(`in use by process ${service.process.pid}`));
  });

  test("remap writes the new ids beside the file, or where it is told", async ({ ownUrl }) => {
    await using folder = await temporaryFolder();
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    const file = join(folder.path, "export.json");
    await writeFile(file, JSON.stringify([exportUser(1, { username: "carol" })]));
    await runUserd(["import", maximum], { settings });
    expect(await runUserd(["import", file, "--on-conflict=remap"], { settings })).toMatchObject({ code: 0 });
    expect(JSON.parse(await readFile(`${file}.map.json`, "utf8"))).toEqual(ofUsers({ 1: "2" }));
    const input = await readFile(file, "utf8");
    expectSentence(await runUserd(["import", "-", "--on-conflict=remap"], { settings, input }), 2, /needs --map FILE/);
    const map = join(folder.path, "map.json");
    expect(await runUserd(["import", "-", "--on-conflict=remap", "--map", map], { settings, input })).toMatchObject({ code: 0 });
    expect(JSON.parse(await readFile(map, "utf8"))).toEqual(ofUsers({ 1: "2" }));
  });

  test("a broken file, a missing one and wrong usage end with exit code 2 and a sentence", async ({ ownUrl }) => {
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    const input = JSON.stringify([exportUser(1, { is_active: "maybe" })]);
    expectSentence(await runUserd(["import", "-"], { settings, input }), 2, /Record 1 \(sentry.user 1\): is_active must be true or false/);
    expectSentence(await runUserd(["import", "/does/not/exist"], { settings }), 2, /can't be read/);
    expect((await runUserd(["import", maximum, "--on-conflict=what"], { settings })).code).toBe(2);
  });

  test("serve --import imports before serving, and a conflict ends the start", async ({ ownUrl }) => {
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    {
      await using service = await startService(settings, ["--import", maximum]);
      expect(service.output().stdout).toContain("sentry.user");
    }
    const ended = await runUserd(["serve", "--import", fresh], { settings });
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain("conflicts with what is stored");
  });

  test("names from a file can't control the terminal", async ({ ownUrl }) => {
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    await runUserd(["import", maximum], { settings });
    const input = JSON.stringify([exportUser(1, { username: "\u001b[2J" }), { model: "x\u001b[2J", pk: 1, fields: {} }]);
    expect((await runUserd(["import", "-"], { settings, input })).stdout).not.toContain("\u001b");
  });
});
