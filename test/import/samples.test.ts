import { createReadStream } from "node:fs";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { runImport } from "../../src/import/import.ts";
import { createVault } from "../../src/secrets.ts";
import { selectUsers } from "../../src/users/user.select.ts";
import { secretKey } from "../support/database.ts";
import { all, countsOf, rowsOf, stateOf, test } from "./fixture.ts";

const sample = (name: string) => createReadStream(new URL(`./samples/${name}.json`, import.meta.url));
const maximum = () => sample("user-with-maximum-privileges");
const fresh = () => sample("fresh-install");

describe("the sample exports", () => {
  test("a user with maximum privileges comes in with all its fields", async ({ own: db }) => {
    const report = await runImport(db, maximum());
    expect(report).toMatchObject({ stored: true, records: 8, skipped: [], notes: [], conflicts: [] });
    const reason = "a membership has one date here: when it began";
    expect(report.unknownFields).toEqual([{ name: "sentry.userroleuser.date_updated", count: 1, reason }]);
    expect(report.notHeld).toEqual([]);
    expect(await rowsOf(db, sql`select * from users`)).toEqual([
      {
        id: "1",
        username: "testing@example.com",
        username_handle: "testing@example.com",
        name: "",
        name_handle: "",
        email: "testing@example.com",
        password: "pbkdf2_sha256$150000$iEvdIknqYjTr$+QsGn0tfIJ1FZLxQI37mVU1gL2KbL/wqjMtG/dFhsMA=",
        is_active: true,
        is_staff: true,
        is_superuser: true,
        is_managed: false,
        is_unclaimed: false,
        is_suspended: false,
        is_app: false,
        is_password_expired: false,
        last_password_change: new Date("2023-06-22T22:59:57.023Z"),
        flags: "0",
        session_nonce: null,
        avatar_type: 0,
        avatar_url: null,
        date_joined: new Date("2023-06-22T22:59:55.488Z"),
        delete_time: null,
        purge_time: null,
        version: 1,
      },
    ]);
    expect(await rowsOf(db, sql`select * from user_activity`)).toEqual([
      { user_id: "1", last_login: null, last_active: new Date("2023-06-22T22:59:55.489Z") },
    ]);
    expect(await rowsOf(db, sql`select id, user_id, email, is_verified, date_added from user_email`)).toEqual([
      { id: "1", user_id: "1", email: "testing@example.com", is_verified: true, date_added: new Date("2023-06-22T22:59:55.521Z") },
    ]);
    expect(await rowsOf(db, sql`select id, user_id, scope_kind, scope_id, key, value from user_option`)).toEqual([
      { id: "1", user_id: "1", scope_kind: 0, scope_id: "0", key: "timezone", value: "Europe/Vienna" },
    ]);
  });

  test("permissions, roles, second factors and IP addresses come in with their users", async ({ own: db }) => {
    const report = await runImport(db, maximum());
    for (const model of ["userpermission", "userrole", "userroleuser", "authenticator", "userip"]) {
      expect(countsOf(report, `sentry.${model}`), model).toEqual(all("created", 1));
    }
    const [row] = await selectUsers(db.sql, { full: true }).where("users.id", "=", 1n).execute();
    expect(row).toMatchObject({
      permissions: ["broadcasts.admin", "options.admin", "users.admin"],
      role_names: ["Super Admin"],
      has_2fa: true,
    });
    expect(await rowsOf(db, sql`select user_id, permission from user_permission`)).toEqual([{ user_id: "1", permission: "users.admin" }]);
    expect(await rowsOf(db, sql`select ip, first_seen from user_ip`)).toEqual([
      { ip: "127.0.0.2", first_seen: new Date("2012-04-05T03:29:45.000Z") },
    ]);
    const [authenticator] = await rowsOf<{ type: number; config: Buffer }>(db, sql`select type, config from authenticator`);
    expect(authenticator?.type).toBe(1);
    expect(createVault(secretKey).unlock(authenticator?.config ?? Buffer.alloc(0))).toBe('""');
  });

  test("verification tokens are stored as their hash only", async ({ own: db }) => {
    await runImport(db, maximum());
    expect(
      await rowsOf(
        db,
        sql`select verification_hash = sha256('mCnWesSVvYQcq7qXQ36AZHwosAd6cghE') as hashed, verification_hash_time from user_email`,
      ),
    ).toEqual([{ hashed: true, verification_hash_time: new Date("2023-06-22T22:59:55.521Z") }]);
  });

  test("importing the same file again changes nothing", async ({ own: db }) => {
    await runImport(db, maximum());
    const before = await stateOf(db);
    const report = await runImport(db, maximum());
    expect(report.models.map(({ unchanged, read }) => read - unchanged)).toEqual(report.models.map(() => 0));
    expect(await stateOf(db)).toEqual(before);
  });

  test("a fresh install on top reports the conflict of user 1 and stores nothing", async ({ own: db }) => {
    await runImport(db, maximum());
    const before = await stateOf(db);
    const report = await runImport(db, fresh());
    expect(report.stored).toBe(false);
    expect(report.conflicts).toEqual([
      { model: "sentry.user", record: 8, pk: "1", username: "admin@example.com", usernameHere: "testing@example.com", idHere: null },
    ]);
    expect(await stateOf(db)).toEqual(before);
  });

  test("a fresh install stores its options and those of its project", async ({ own: db }) => {
    const report = await runImport(db, fresh());
    for (const model of ["sentry.option", "sentry.projectoption"]) expect(countsOf(report, model)).toEqual(all("created", 4));
    expect(await rowsOf(db, sql`select scope_kind, scope_id, key, value, locked from scope_option order by scope_kind, key`)).toEqual(
      [
        [0, "0", "sentry:install-id", "1bc81f9440424e908a73ca377581cb52682db68a"],
        [0, "0", "sentry:last_worker_ping", 1687902001.2623305],
        [0, "0", "sentry:last_worker_version", "23.7.0.dev0"],
        [0, "0", "sentry:latest_version", "23.6.1"],
        [2, "1", "sentry:option-epoch", 11],
        [2, "1", "sentry:origins", ["*"]],
        [2, "1", "sentry:relay-rev", "883653e754e441f9aa54052b52482bdb"],
        [2, "1", "sentry:relay-rev-lastchange", "2023-06-22T22:54:29.060271Z"],
      ].map(([scope_kind, scope_id, key, value]) => ({ scope_kind, scope_id, key, value, locked: false })),
    );
    const updated = sql`select update_time from scope_option where key = 'sentry:last_worker_ping'`;
    expect(await rowsOf(db, updated)).toEqual([{ update_time: new Date("2023-06-27T21:40:01.305Z") }]);
  });

  test("a fresh install stores its two users, and counts what userd does not hold", async ({ own: db }) => {
    const report = await runImport(db, fresh());
    expect(countsOf(report, "sentry.user")).toEqual(all("created", 2));
    expect(report.notHeld.find(({ name }) => name === "sentry.team")).toEqual({ name: "sentry.team", count: 1 });
    expect(await rowsOf(db, sql`select is_app from users`)).toEqual([{ is_app: false }, { is_app: false }]);
  });

  test("changes are logged as the import's", async ({ own: db }) => {
    await runImport(db, fresh());
    expect(await rowsOf(db, sql`select distinct caller, operation from changes`)).toEqual([{ caller: "import", operation: "insert" }]);
  });
});
