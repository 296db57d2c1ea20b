import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportOption, exportUser } from "../support/exports.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const read = (name: string): string => readFileSync(new URL(`./cases/${name}.json`, import.meta.url), "utf8");
const [acme, globex] = [read("01a-first-installation"), read("01b-second-installation")];
const [here, file] = [read("02a-here"), read("02b-file")];

describe("a second installation with the same ids", () => {
  test("is a conflict of its organization and its project: nothing is stored", async ({ own: db }) => {
    await importRecords(db, acme);
    const before = await stateOf(db);
    const report = await importRecords(db, globex);
    expect(report.stored).toBe(false);
    expect(report.conflicts.map(({ kind }) => kind)).toEqual(["organization", "project"]);
    expect(await stateOf(db)).toEqual(before);
  });

  test("skip: what refers to something skipped is skipped with it", async ({ own: db }) => {
    await importRecords(db, acme);
    await importRecords(db, globex, { onConflict: "skip" });
    expect(await rowsOf(db, sql`select value from scope_option order by scope_kind`)).toEqual([
      { value: true },
      { value: ["https://acme.example"] },
    ]);
    expect(await rowsOf(db, sql`select config->'idp'->>'entity_id' as entity from auth_provider`)).toEqual([
      { entity: "https://idp.acme.example" },
    ]);
    expect(await rowsOf(db, sql`select id from auth_identity`)).toEqual([]);
    expect(await rowsOf(db, sql`select user_id from user_option`)).toEqual([{ user_id: "1" }]);
  });

  test("remap: new ids, and all that refers to them goes along; importing again changes nothing", async ({ own: db }) => {
    await importRecords(db, acme);
    const { remapped } = await importRecords(db, globex, { onConflict: "remap" });
    expect(remapped).toEqual([
      { kind: "organization", pk: "1", id: "2" },
      { kind: "project", pk: "1", id: "2" },
    ]);
    expect(await rowsOf(db, sql`select scope_kind, scope_id, value from scope_option order by 1, 2`)).toEqual([
      { scope_kind: 1, scope_id: "1", value: true },
      { scope_kind: 1, scope_id: "2", value: false },
      { scope_kind: 2, scope_id: "1", value: ["https://acme.example"] },
      { scope_kind: 2, scope_id: "2", value: ["*"] },
    ]);
    expect(await rowsOf(db, sql`select organization_id, config->'idp'->>'entity_id' as entity from auth_provider order by 1`)).toEqual([
      { organization_id: "1", entity: "https://idp.acme.example" },
      { organization_id: "2", entity: "https://idp.globex.example" },
    ]);
    expect(await rowsOf(db, sql`select scope_id from user_option where user_id = 2`)).toEqual([{ scope_id: "2" }]);
    const before = await stateOf(db);
    expect(await importRecords(db, globex)).toMatchObject({ stored: true, remapped });
    expect(await stateOf(db)).toEqual(before);
  });
});

describe("a user of the file with the name of an account here", () => {
  const users = sql`select id, username, email, is_superuser from users order by id`;
  const admin = { id: "1", username: "admin", email: "ann@acme.example", is_superuser: false };

  test("remap leaves the account alone", async ({ own: db }) => {
    await importRecords(db, here);
    await importRecords(db, file, { onConflict: "remap" });
    expect(await rowsOf(db, users)).toMatchObject([admin, { username: "Admin-2", is_superuser: true }]);
    expect(await rowsOf(db, sql`select user_id = 1 as is_here from user_permission`)).toEqual([{ is_here: false }]);
  });

  test("merge joins it, and takes no password, flags, permissions or addresses", async ({ own: db }) => {
    await importRecords(db, here);
    const before = await rowsOf(db, sql`select * from users`);
    const report = await importRecords(db, file, { onConflict: "merge", overwrite: true });
    expect(await rowsOf(db, sql`select * from users`)).toEqual(before);
    expect(await rowsOf(db, sql`select id from user_permission`)).toEqual([]);
    expect(report.skipped.map(({ count }) => count)).toEqual([1]);
  });
});

describe("an import again after changes here", () => {
  const again = read("19-import-again-after-changes");

  test("what is here stands and is listed; --overwrite lets the file win", async ({ own: db }) => {
    await importRecords(db, again);
    await sql`update users set password = 'new', last_password_change = now(), name = 'Changed'`.execute(db.sql);
    await sql`update scope_option set value = '"new@example.com"', update_time = now()`.execute(db.sql);
    await sql`update role_permission set permission = 'less'`.execute(db.sql);
    await sql`update role set update_time = now()`.execute(db.sql);
    const before = await stateOf(db);
    const report = await importRecords(db, again);
    expect(await stateOf(db)).toEqual(before);
    // The password, the option, and of the role its permissions and its time stamp.
    expect(report.notes.map(({ count }) => count)).toEqual([4]);
    await importRecords(db, again, { overwrite: true });
    expect(await rowsOf(db, sql`select permission from role_permission`)).toEqual([{ permission: "users.admin" }]);
    // The file says nothing of the name: it stays.
    expect(await rowsOf(db, sql`select name, left(password, 6) as password from users`)).toEqual([{ name: "Changed", password: "pbkdf2" }]);
  });
});

describe("what is newer", () => {
  const user = (fields: object) => [exportUser(1, { last_password_change: "2023-01-01T00:00:00Z", ...fields })];
  const passwords = sql`select password, name, is_staff from users`;

  test("a password that the file changed later wins, while a name that was changed here stands", async ({ own: db }) => {
    await importRecords(db, user({ name: "Ann", password: "!a" }));
    await sql`update users set name = 'Anna', password = '!b', last_password_change = '2024-01-01'`.execute(db.sql);
    const report = await importRecords(
      db,
      user({ name: "Ann", password: "!c", is_staff: true, last_password_change: "2025-01-01T00:00:00Z" }),
    );
    expect(await rowsOf(db, passwords)).toEqual([{ password: "!c", name: "Anna", is_staff: true }]);
    expect(report.notes.flatMap(({ examples }) => examples)).toContain("sentry.user 1 (record 1): name");
  });

  test("what an import with --overwrite wrote last gives way to the next file again", async ({ own: db }) => {
    await importRecords(db, user({ name: "Ann" }));
    await sql`update users set name = 'Anna'`.execute(db.sql);
    await importRecords(db, user({ name: "Annie" }), { overwrite: true });
    await importRecords(db, user({ name: "Ann" }));
    expect(await rowsOf(db, sql`select name from users`)).toEqual([{ name: "Ann" }]);
  });

  test("a hash that a sign-in made anew is not undone", async ({ own: db }) => {
    await importRecords(db, user({ password: "!a" }));
    await sql`update users set password = '!stronger'`.execute(db.sql);
    await importRecords(db, user({ password: "!a" }));
    expect(await rowsOf(db, sql`select password from users`)).toEqual([{ password: "!stronger" }]);
  });
});

test("the second of two organizations with one slug gets a suffix and keeps its members, and is found again", async ({ own: db }) => {
  const record = (model: string, pk: number, fields: object) => ({ model: `sentry.${model}`, pk, fields });
  const file = [
    exportUser(1),
    record("organization", 1, { name: "Acme", slug: "acme" }),
    record("organization", 2, { name: "Acme 2", slug: "acme" }),
    record("organizationmember", 1, { organization: 2, user: 1, role: "owner" }),
    record("organizationoption", 1, { organization: 2, key: "k", value: true }),
  ];
  await importRecords(db, file);
  expect(await rowsOf(db, sql`select id, slug from organization order by id`)).toEqual([
    { id: "1", slug: "acme" },
    { id: "2", slug: "acme-2" },
  ]);
  expect(await rowsOf(db, sql`select organization_id from organization_member`)).toEqual([{ organization_id: "2" }]);
  const before = await stateOf(db);
  expect(await importRecords(db, file)).toMatchObject({ stored: true, conflicts: [] });
  expect(await stateOf(db)).toEqual(before);
});

test("an import that stops at conflicts draws no id", async ({ own: db }) => {
  const sequences = sql`select (select last_value from users_id_seq) as users, (select last_value from organization_id_seq) as organizations`;
  await importRecords(db, acme);
  const before = await rowsOf(db, sequences);
  const stopped = await importRecords(db, [exportUser(500), ...(JSON.parse(globex) as unknown[])]);
  expect(stopped.stored).toBe(false);
  expect(await rowsOf(db, sequences)).toEqual(before);
});

test("07 the largest id that can be is no end of ids", async ({ own: db }) => {
  const report = await importRecords(db, read("07-largest-id"));
  expect(report.skipped).toMatchObject([{ count: 1 }]);
  expect(await rowsOf(db, sql`select nextval('users_id_seq') < 1000 as is_small`)).toEqual([{ is_small: true }]);
});

test("ids below 1 and from 2^53 up are skipped with what refers to them", async ({ own: db }) => {
  const report = await importRecords(db, [
    exportUser(-1),
    exportUser(0),
    exportUser(1),
    { ...exportUser(2), pk: "9007199254740992" },
    exportOption(1, { user: -1 }),
    exportOption(2, { user: "9007199254740992" }),
  ]);
  expect(report.skipped.map(({ count }) => count)).toEqual([2, 1, 1, 1]);
  expect(await rowsOf(db, sql`select id from users`)).toEqual([{ id: "1" }]);
});
