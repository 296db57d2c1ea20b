import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { expect, vi } from "vitest";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { startUserd, temporaryFolder } from "../support/userd.ts";
import { rowsOf, stateOf, test } from "./fixture.ts";

const file = [
  exportUser(1),
  exportEmail(1),
  exportOption(1),
  { model: "sentry.organization", pk: 1, fields: { name: "Acme", slug: "acme", status: 0 } },
  { model: "sentry.option", pk: 1, fields: { key: "system.url-prefix", value: '"x"', last_updated: "2026-01-02T03:04:05Z" } },
  { model: "sentry.userpermission", pk: 1, fields: { user: 1, permission: "users.admin" } },
];

// A table that a step is the first to need, which the test holds: the step is known without a clock.
test.for([
  ["locking names", "name_version"],
  ["comparing", "users"],
  ["storing addresses", "user_email"],
  ["storing options", "user_option"],
  ["storing options of scopes", "scope_option"],
  ["storing what belongs to users", "user_permission"],
  ["remembering ids", "import_origin"],
] as const)("Ctrl-C while %s: 130, nothing is stored and no map is left", { timeout: 120_000 }, async ([, table], { own: db, ownUrl }) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "export.json");
  await writeFile(path, JSON.stringify(file));
  const before = await stateOf(db);
  const locked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const holding = db.sql.transaction().execute(async (tx) => {
    await sql`lock table ${sql.table(table)} in access exclusive mode`.execute(tx);
    locked.resolve();
    await released.promise;
  });
  await locked.promise;
  await using importing = startUserd(["import", path, "--on-conflict=remap"], {
    settings: { DATABASE_URL: ownUrl, LOG_LEVEL: "warn" },
  });
  const waits = sql`select relation::regclass::text as table from pg_locks
    where not granted and database = (select oid from pg_database where datname = current_database()) limit 1`;
  await vi.waitFor(async () => expect(await rowsOf(db, waits)).toEqual([{ table }]), { timeout: 60_000, interval: 50 });
  importing.process.kill("SIGINT");
  const { code, stderr } = await importing.ended;
  released.resolve();
  await holding;
  expect({ code, stderr }).toEqual({ code: 130, stderr: "userd: Interrupted: nothing was stored.\n" });
  expect(await readdir(folder.path)).toEqual(["export.json"]);
  expect(await stateOf(db)).toEqual(before);
});
