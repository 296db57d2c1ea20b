import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const record = (model: string, pk: unknown, fields: object) => ({ model: model.includes(".") ? model : `sentry.${model}`, pk, fields });
const organization = (pk: number, slug: string, fields: object = {}) =>
  record("organization", pk, { name: slug, slug, status: 0, flags: "0", ...fields });
const project = (pk: number, slug: string, fields: object = {}) =>
  record("project", pk, { organization: 1, name: slug, slug, status: 0, flags: "0", ...fields });
const team = (pk: number, slug: string) => record("team", pk, { organization: 1, name: slug, slug, status: 0 });
const member = (pk: number, user: number) =>
  record("organizationmember", pk, { organization: 1, user_id: user, email: null, role: "member", flags: "0" });

describe("01 what refers to something skipped is skipped with it", () => {
  test("down a chain: an organization that is being deleted, its project, and what is the project's", async ({ own: db }) => {
    const here = [
      exportUser(1),
      organization(1, "acme"),
      project(1, "web"),
      record("projectoption", 1, { project: 1, key: "k", value: "here" }),
    ];
    await importRecords(db, here);
    const report = await importRecords(db, [
      exportUser(1),
      organization(1, "other", { status: 2 }),
      project(1, "other"),
      record("projectoption", 1, { project: 1, key: "k", value: "theirs" }),
      exportOption(1, { project_id: 1 }),
      record("authprovider", 1, { organization_id: 1, provider: "saml2", config: {} }),
      record("authidentity", 1, { user: 1, auth_provider: 1, ident: "x" }),
    ]);
    expect(report.skipped.reduce((sum, { count }) => sum + count, 0)).toBe(6);
    expect(await rowsOf(db, sql`select value from scope_option`)).toEqual([{ value: "here" }]);
    expect(await rowsOf(db, sql`select (select count(*) from user_option) as o, (select count(*) from auth_provider) as p`)).toEqual([
      { o: "0", p: "0" },
    ]);
  });

  test("a role and a provider of the file that are skipped are not those of that id here", async ({ own: db }) => {
    await importRecords(db, [
      record("userrole", 1, { name: "Admins", permissions: "['users.admin']" }),
      record("identityprovider", 1, { type: "slack", external_id: "T1", config: {} }),
    ]);
    await importRecords(db, [
      exportUser(1),
      record("userrole", 1, { name: "x".repeat(200), permissions: "[]" }),
      record("identityprovider", 1, { type: "", external_id: "T2", config: {} }),
      record("userroleuser", 1, { user: 1, role: 1 }),
      record("identity", 1, { user: 1, idp: 1, external_id: "x" }),
    ]).catch((error: unknown) => expect(String(error)).toContain("identityprovider"));
    expect(await rowsOf(db, sql`select (select count(*) from role_member) as r, (select count(*) from identity) as i`)).toEqual([
      { r: "0", i: "0" },
    ]);
  });

  test.for(["slug", "status"])(
    "an organization that only a replica tells of, whose %s can't be, and its members",
    async (field, { own: db }) => {
      await importRecords(db, [exportUser(1), organization(12, "ours")]);
      const replica = { organization_id: 12, name: "Theirs", slug: "theirs", status: 0, [field]: field === "slug" ? "" : 2 };
      const report = await importRecords(db, [
        exportUser(1),
        record("organizationmapping", 5, replica),
        { ...member(1, 1), fields: { ...member(1, 1).fields, organization: 12 } },
      ]);
      expect(report.skipped.map(({ reason, examples }) => [reason, examples])).toEqual([
        [field === "slug" ? "slug is empty" : "status says that it is being deleted", ["sentry.organizationmapping 12 (record 2)"]],
        ["its organization was skipped", ["sentry.organizationmember 1 (record 3)"]],
      ]);
      expect(await rowsOf(db, sql`select user_id from organization_member`)).toEqual([]);
    },
  );

  test("a team whose slug is another one's in the same organization: remap takes along members and projects", async ({ own: db }) => {
    await importRecords(db, [exportUser(1), organization(1, "acme"), team(1, "dev"), project(1, "web"), member(1, 1)]);
    const file = [
      exportUser(1),
      organization(1, "acme"),
      team(2, "dev"),
      project(1, "web"),
      member(1, 1),
      record("organizationmemberteam", 1, { team: 2, organizationmember: 1, is_active: true }),
      record("projectteam", 1, { project: 1, team: 2 }),
    ];
    await importRecords(db, file, { onConflict: "skip" });
    expect(await rowsOf(db, sql`select (select count(*) from team_member) as m, (select count(*) from project_team) as p`)).toEqual([
      { m: "0", p: "0" },
    ]);
    const { remapped } = await importRecords(db, file, { onConflict: "remap" });
    const [{ id } = { id: "" }] = remapped;
    expect(await rowsOf(db, sql`select slug from team order by id`)).toEqual([{ slug: "dev" }, { slug: "dev-2" }]);
    expect(await rowsOf(db, sql`select team_id from team_member union all select team_id from project_team`)).toEqual([
      { team_id: id },
      { team_id: id },
    ]);
    const before = await stateOf(db);
    await importRecords(db, file, { onConflict: "remap" });
    expect(await stateOf(db)).toEqual(before);
  });
});

describe("02 remap takes over nothing of an account here", () => {
  const here = [
    exportUser(1, { username: "ann" }),
    exportEmail(1, { is_verified: true }),
    record("identityprovider", 1, { type: "slack", external_id: "T1", config: {} }),
    record("identity", 1, { user: 1, idp: 1, external_id: "x" }),
    record("userrole", 1, { name: "Admins", permissions: "['users.admin']" }),
  ];

  test("no verified address, no identity, and no role's permissions", async ({ own: db }) => {
    await importRecords(db, here);
    const tables = [
      sql`select * from user_email where user_id = 1`,
      sql`select * from identity`,
      sql`select permission from role_permission`,
    ];
    const tell = () => Promise.all(tables.map((table) => rowsOf(db, table)));
    const before = await tell();
    await importRecords(
      db,
      [
        exportUser(1, { username: "zoe", email: "user-1@example.com" }),
        exportEmail(1, { is_verified: true }),
        record("identityprovider", 1, { type: "slack", external_id: "T1", config: {} }),
        record("identity", 1, { user: 1, idp: 1, external_id: "x" }),
        record("userrole", 1, { name: "Admins", permissions: "['b.all']", date_updated: "2999-01-01T00:00:00Z" }),
        record("userroleuser", 1, { user: 1, role: 1 }),
      ],
      { onConflict: "remap" },
    );
    expect(await tell()).toEqual(before);
    expect(await rowsOf(db, sql`select id from role_member`)).toEqual([]);
  });

  test("natural keys of the file mean the user of the file", async ({ own: db }) => {
    await importRecords(db, here);
    await importRecords(
      db,
      [exportUser(7, { username: "Ann" }), record("userpermission", 1, { user: ["Ann"], permission: "users.admin" })],
      {
        onConflict: "remap",
      },
    );
    expect(await rowsOf(db, sql`select u.username from user_permission p join users u on u.id = p.user_id`)).toEqual([
      { username: "Ann-2" },
    ]);
  });

  test("and ids that the file does not hold give nobody here power or a way in", async ({ own: db }) => {
    await importRecords(db, here);
    const file = [
      exportUser(9, { username: "zoe" }),
      record("userpermission", 1, { user: 1, permission: "users.admin" }),
      record("authenticator", 1, { user: 1, type: 1, config: '{"secret": "theirs"}' }),
      exportEmail(2, { user: 1, email: "mallory@example.com", is_verified: true }),
    ];
    const { skipped } = await importRecords(db, file, { onConflict: "remap" });
    expect(skipped).toMatchObject([{ count: 3 }]);
    expect(await rowsOf(db, sql`select count(*) as count from user_email where user_id = 1`)).toEqual([{ count: "1" }]);
  });
});

describe.each(["9007199254740992", "18446744073709551616"])("07 ids from 2^53 up: %s", (large) => {
  const rows = (pk: unknown, to: unknown) => [
    record("useremail", pk, { user: to, email: "a@example.com" }),
    record("useroption", pk, { user: to, key: "k", value: '"v"' }),
    record("useroption", pk, { user: 1, project_id: to, key: "k", value: '"v"' }),
    record("userpermission", pk, { user: to, permission: "a.b" }),
    record("userroleuser", pk, { user: 1, role: to }),
    record("authenticator", pk, { user: to, type: 1, config: "{}" }),
    record("userip", pk, { user: to, ip_address: "10.0.0.1" }),
    record("identity", pk, { user: 1, idp: to, external_id: "x" }),
    record("authidentity", pk, { user: 1, auth_provider: to, ident: "x" }),
    record("authprovider", pk, { organization_id: to, provider: "saml2", config: {} }),
    record("organizationoption", pk, { organization: to, key: "k", value: "v" }),
    record("projectoption", pk, { project: to, key: "k", value: "v" }),
    record("project", pk, { organization: to, name: "P", slug: "p", status: 0 }),
    record("team", pk, { organization: to, name: "T", slug: "t", status: 0 }),
    record("organizationmember", pk, { organization: to, user_id: 1, email: null, role: "member" }),
    record("organizationmemberteam", pk, { team: to, organizationmember: to, is_active: true }),
    record("projectteam", pk, { project: to, team: to }),
    record("account.userprofile", pk, { user: 1, account: to, is_test: false }),
    record("account.accountcontact", pk, { account: to, first_name: "A", last_name: "B", email: "a@example.com", is_primary: false }),
  ];
  const alone = [
    record("user", large, exportUser(2).fields),
    record("auth.group", large, { name: "G", permissions: [] }),
    record("userrole", large, { name: "R", permissions: "[]" }),
    record("organization", large, { name: "O", slug: "o", status: 0 }),
    record("identityprovider", large, { type: "slack", external_id: "T1", config: {} }),
    record("account.account", large, { account_number: "1111-2222-0001", company_name: "A" }),
    record("option", large, { key: "k", value: "v" }),
  ];

  /** Digits of a file stay as they are written. */
  const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

  test.for([
    ["as a primary key", [...rows(large, 1), ...alone]],
    ["as a foreign key, as text", rows(3, large)],
    ["as a foreign key, as a number", rows(3, rawJSON(large))],
  ] as const)("%s, in every model: skipped and counted, and no sequence moves", async ([, records], { own: db }) => {
    const { skipped } = await importRecords(db, [exportUser(1), ...records]);
    expect(skipped.reduce((sum, { count }) => sum + count, 0)).toBe(records.length);
    for (const { reason } of skipped) expect(reason).toMatch(/ is 2\^53 or more, .*: --ids new gives such records new ids$/);
    const sequences = sql`select sequencename as name from pg_sequences where schemaname = 'public' and last_value > 1000`;
    expect(await rowsOf(db, sequences)).toEqual([]);
  });
});
