import { execFileSync } from "node:child_process";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { sql } from "kysely";
import { describe, expect, vi } from "vitest";
import { runImport } from "../../src/import/import.ts";
import { needTools } from "../foreign/tools.ts";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { runUserd, startUserd, temporaryFolder } from "../support/userd.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";

/** A file that never ends: what comes after its records is awaited for ever. */
const endless = (records: readonly unknown[]): Readable => {
  const file = new PassThrough();
  file.write(`[${records.map((record) => JSON.stringify(record)).join(",")},`);
  return file;
};

const many = Array.from({ length: 5_000 }, (_, index) => [exportUser(index + 1), exportEmail(index + 1)]).flat();

describe("all or nothing", { timeout: 120_000 }, () => {
  test("a dry run reports what would be, and leaves everything as it is, sequences too", async ({ own: db }) => {
    await importRecords(db, [exportUser(1)]);
    const sequences = sql`select last_value from users_id_seq union all select last_value from user_email_id_seq`;
    const before = [await stateOf(db), await rowsOf(db, sequences)];
    const report = await importRecords(db, [exportUser(1, { name: "Ann" }), exportUser(900), exportOption(1)], { dryRun: true });
    expect(report).toMatchObject({
      stored: false,
      dryRun: true,
      models: [
        { read: 2, created: 1, updated: 1 },
        { read: 1, created: 1 },
      ],
    });
    expect([await stateOf(db), await rowsOf(db, sequences)]).toEqual(before);
  });

  test("a fault late in a file takes back what came before", async ({ own: db }) => {
    await expect(importRecords(db, [...many, { model: "sentry.user", pk: 1 }])).rejects.toThrow("Record 10001");
    expect(await rowsOf(db, sql`select * from users`)).toEqual([]);
  });

  test("an abort ends it, and frees the connection", async ({ own: db }) => {
    const abort = new AbortController();
    const onProgress = () => abort.abort(new Error("no more"));
    await expect(runImport(db, endless(many), { signal: abort.signal, onProgress })).rejects.toThrow("no more");
    expect(await rowsOf(db, sql`select * from users`)).toEqual([]);
    expect((await importRecords(db, [exportUser(1)])).stored).toBe(true);
  });

  test("two imports at once both store what they hold", async ({ own: db }) => {
    const reports = await Promise.all([
      importRecords(db, [exportUser(1), exportUser(2), exportOption(1)]),
      importRecords(db, [exportUser(3), exportUser(4), exportOption(2, { user: 3 })]),
    ]);
    expect(reports.map(({ stored }) => stored)).toEqual([true, true]);
    expect(await rowsOf(db, sql`select count(*)::int as users from users`)).toEqual([{ users: 4 }]);
  });

  test("an import waits for another one that merges, and then gives other ids to what the file gives none", async ({ own: db }) => {
    // Held at its first row, with the ids of its implied addresses assigned; the other one can't pass it.
    const holder = await db.sql.startTransaction().execute();
    await sql`lock table user_email in share mode`.execute(holder);
    const waiting = async (count: number) => {
      const waits = sql<{ event: string }>`select wait_event as event from pg_stat_activity
        where wait_event_type = 'Lock' and datname = current_database()`;
      await vi.waitUntil(async () => (await waits.execute(db.sql)).rows.length === count, { timeout: 60_000 });
      return (await waits.execute(db.sql)).rows.map(({ event }) => event).sort();
    };
    const first = importRecords(db, [exportUser(1)]);
    expect(await waiting(1)).toEqual(["relation"]);
    const second = importRecords(db, [exportUser(2)]);
    expect(await waiting(2)).toEqual(["advisory", "relation"]);
    await holder.rollback().execute();
    expect((await Promise.all([first, second])).map(({ stored }) => stored)).toEqual([true, true]);
    expect(await rowsOf(db, sql`select user_id from user_email order by id`)).toEqual([{ user_id: "1" }, { user_id: "2" }]);
  });

  test("kill -9 while PostgreSQL stores a file leaves nothing", async ({ own: db, ownUrl }) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "export.json");
    await writeFile(file, JSON.stringify([...many, exportOption(1)]));
    const lock = await db.sql.startTransaction().execute();
    await sql`lock table user_option in access exclusive mode`.execute(lock);
    {
      // Users and addresses are written, and it waits for the lock.
      await using _ = startUserd(["import", file], { settings: { DATABASE_URL: ownUrl } });
      const waiting = sql`select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      await vi.waitUntil(async () => (await waiting.execute(db.sql)).rows.length > 0, { timeout: 60_000 });
    }
    await lock.rollback().execute();
    expect(await rowsOf(db, sql`select id from users union all select id from user_email`)).toEqual([]);
  });

  test("kill -9 of an embedded import leaves nothing, and the next one works", async ({ skip }) => {
    needTools(skip, "mkfifo");
    await using folder = await temporaryFolder();
    const settings = { DATABASE_URL: `pglite:${join(folder.path, "data")}` };
    const pipe = join(folder.path, "pipe");
    execFileSync("mkfifo", [pipe]);
    await using importing = startUserd(["import", pipe], { settings });
    // Opens when the import does, and all but the pipe's buffer is read when it is written.
    await using file = await open(pipe, "w");
    await file.writeFile(`[${many.map((record) => JSON.stringify(record)).join(",")},`);
    await importing[Symbol.asyncDispose]();
    const again = await runUserd(["import", "-", "--json"], { settings, input: JSON.stringify([exportUser(1)]) });
    expect(again).toMatchObject({ code: 0 });
    expect(JSON.parse(again.stdout)).toMatchObject({ stored: true, models: [{ created: 1, updated: 0 }] });
  });
});
