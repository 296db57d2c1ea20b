import { createReadStream } from "node:fs";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { runImport } from "../../src/import/import.ts";
import { createVault } from "../../src/secrets/secrets.ts";
import { selectUsers } from "../../src/users/user.select.ts";
import { createClients } from "../support/clients.ts";
import { secretKey, silent } from "../support/database.ts";
import { testConfig } from "../support/service.ts";
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
        username_canonical: "testing@example.com",
        name: "",
        name_canonical: "",
        email: "testing@example.com",
        external_id: null,
        merged_into_user_id: null,
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
      { kind: "user", model: "sentry.user", record: 8, pk: "1", name: "admin@example.com", nameHere: "testing@example.com", idHere: null },
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
    expect(report.notHeld).toEqual(["email", "relayusage"].map((name) => ({ name: `sentry.${name}`, count: name === "email" ? 2 : 1 })));
    expect(await rowsOf(db, sql`select is_app from users`)).toEqual([{ is_app: false }, { is_app: false }]);
  });

  test("a fresh install brings its organization, project, team and members, once", async ({ own: db }) => {
    const report = await runImport(db, fresh());
    for (const [model, count] of [
      ["organization", 1],
      ["project", 1],
      ["team", 1],
      ["organizationmember", 2],
      ["organizationmemberteam", 2],
      ["projectteam", 1],
    ] as const) {
      expect(countsOf(report, `sentry.${model}`), model).toEqual(all("created", count));
    }
    expect(report.skipped).toEqual([]);
    expect(report.unknownFields.filter(({ reason }) => reason === undefined)).toEqual([]);
    expect(await rowsOf(db, sql`select id, name, slug, status, open_membership, flags, create_time from organization`)).toEqual([
      {
        ...{ id: "1", name: "Testing", slug: "testing", status: 0, open_membership: true, flags: "0" },
        create_time: new Date("2023-06-22T22:54:28.773Z"),
      },
    ]);
    expect(await rowsOf(db, sql`select id, organization_id, slug, flags from project`)).toEqual([
      { id: "1", organization_id: "1", slug: "internal", flags: "10" },
    ]);
    expect(await rowsOf(db, sql`select user_id, role, email from organization_member order by id`)).toEqual([
      { user_id: "1", role: 3, email: null },
      { user_id: "2", role: 0, email: null },
    ]);
    expect(
      await rowsOf(
        db,
        sql`select t.organization_id, m.user_id from team_member t join organization_member m on m.id = t.member_id order by 2`,
      ),
    ).toEqual([
      { organization_id: "1", user_id: "1" },
      { organization_id: "1", user_id: "2" },
    ]);
    expect(await rowsOf(db, sql`select project_id, team_id from project_team`)).toEqual([{ project_id: "1", team_id: "1" }]);
    const before = await stateOf(db);
    const again = await runImport(db, fresh());
    expect(again.models.map(({ unchanged, read }) => read - unchanged)).toEqual(again.models.map(() => 0));
    expect(await stateOf(db)).toEqual(before);
  });

  test("ListUserOrganizations answers for the members of a fresh install", async ({ own: db, ownUrl }) => {
    await runImport(db, fresh());
    await using app = await startApp(testConfig(ownUrl), silent, { migrate: false });
    const { byKind, close } = createClients(app);
    const { organizations } = byKind["grpc-js"];
    const found = await Promise.all([1n, 2n].map((userId) => organizations.listUserOrganizations({ userId, onlyVisible: true })));
    close();
    expect(found.map(({ organizations: listed }) => listed)).toMatchObject(
      [MemberRole.OWNER, MemberRole.MEMBER].map((role) => [{ organization: { id: 1n, slug: "testing" }, member: { role, teamIds: [1n] } }]),
    );
  });

  test("changes are logged as the import's", async ({ own: db }) => {
    await runImport(db, fresh());
    expect(await rowsOf(db, sql`select distinct caller, operation from changes`)).toEqual([{ caller: "import", operation: "insert" }]);
  });
});
