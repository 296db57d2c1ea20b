import { readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportUser } from "../support/exports.ts";
import { runUserd, temporaryFolder } from "../support/userd.ts";
import { rowsOf, test } from "./fixture.ts";

const input = JSON.stringify([exportUser(1, { email: " ann@example.com" }), exportUser(0)]);
const expected = [
  ["noted", 1, "email has white space around it, which is left out"],
  ["noted", 1, "the primary address was added to the addresses, unverified"],
  ["skipped", 2, "pk is below 1: ids begin there"],
];

const linesOf = async (path: string) =>
  (await readFile(path, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { fate: string; record: number; reason: string })
    .map(({ fate, record, reason }) => [fate, record, reason]);

describe("userd import --list", { timeout: 120_000 }, () => {
  test("writes all that was skipped or noted, also of a dry run and for its owner only", async ({ ownUrl }) => {
    await using folder = await temporaryFolder();
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    for (const [name, flags] of [
      ["dry", ["--dry-run"]],
      ["stored", []],
    ] as const) {
      const list = join(folder.path, name);
      expect(await runUserd(["import", "-", "--list", list, ...flags], { settings, input })).toMatchObject({ code: 0 });
      expect(await linesOf(list)).toEqual(expected);
      expect((await stat(list)).mode & 0o777).toBe(0o600);
    }
  });

  test("one that can't be written is wrong usage, and nothing is stored", async ({ own: db, ownUrl }) => {
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    for (const list of ["/does/not/exist", "/dev/full"]) {
      const { code, stderr } = await runUserd(["import", "-", "--list", list], { settings, input });
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringMatching(/userd: The list can't be written: .* Nothing was stored\.\n$/),
      });
    }
    expect(await rowsOf(db, sql`select id from users`)).toEqual([]);
  });

  test("the export is never overwritten by its list or its map, however its path is spelt", async ({ ownUrl }) => {
    await using folder = await temporaryFolder();
    const settings = { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" };
    const file = join(folder.path, "export.json");
    await writeFile(file, input);
    await symlink(file, join(folder.path, "link"));
    const other = join(folder.path, "other");
    for (const flags of [
      ["--list", file],
      ["--list", join(folder.path, "link")],
      ["--ids", "new", "--map", `${folder.path}/./export.json`],
      ["--ids", "new", "--map", other, "--list", other],
    ]) {
      const { code, stderr } = await runUserd(["import", file, ...flags], { settings });
      expect({ code, stderr }).toEqual({ code: 2, stderr: "userd: The export, --map and --list have to be different files.\n" });
    }
    expect(await readFile(file, "utf8")).toBe(input);
  });
});
