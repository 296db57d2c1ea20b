import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const record = (model: string, pk: number, fields: object) => ({ model: model.includes(".") ? model : `sentry.${model}`, pk, fields });
const organization = (pk: number, slug: string) => record("organization", pk, { name: slug, slug, status: 0, flags: "0" });

/** Ann, a role, a provider, an organization that signs in by another one, an account. */
const here = [
  exportUser(1, { username: "ann", password: "!here" }),
  exportEmail(1, { is_verified: true }),
  exportUser(2, { username: "bob" }),
  exportOption(1, { value: '"Europe/Vienna"' }),
  record("userrole", 1, { name: "Readers", permissions: "['a.read', 'users.admin']", date_updated: "2020-01-01T00:00:00Z" }),
  record("identityprovider", 1, { type: "slack", external_id: "T1", config: { here: true } }),
  organization(1, "acme"),
  record("authprovider", 1, { organization_id: 1, provider: "saml2", config: { here: true } }),
  record("option", 1, { key: "mail.from", value: "here", last_updated: "2020-01-01T00:00:00Z" }),
  record("account.account", 1, { account_number: "1111-2222-0001", company_name: "Acme" }),
];

/** User 50 has Ann's name; 60 is new; 2 is Bob here, and not in the file. */
const others = (user: number) => [
  record("userpermission", user, { user, permission: "users.admin" }),
  record("userroleuser", user, { user, role: 7 }),
  record("userroleuser", 1_000 + user, { user, role: 8 }),
  record("authenticator", user, { user, type: 1, config: '{"secret": "theirs"}' }),
  record("identity", user, { user, idp: 1, external_id: `x${user}` }),
  record("authidentity", user, { user, auth_provider: 1, ident: `i${user}` }),
  record("organizationmember", user, { organization: 1, user_id: user, email: null, role: "owner", flags: "0" }),
  record("organizationmember", 1_000 + user, { organization: 9, user_id: user, email: null, role: "member", flags: "0" }),
  record("organizationmemberteam", user, { team: 1, organizationmember: user, is_active: true }),
  record("organizationmemberteam", 1_000 + user, { team: 9, organizationmember: 1_000 + user, is_active: true }),
  exportEmail(user, { user, email: `theirs-${user}@example.com`, is_verified: true }),
  exportOption(user, { user, value: '"Asia/Tokyo"' }),
  exportOption(1_000 + user, { user, key: "theme", value: '"dark"' }),
  record("account.userprofile", user, { user, account: 1, is_test: false }),
  record("account.userprofile", 1_000 + user, { user, account: 9, is_test: false }),
];
const file = [
  exportUser(50, { username: "Ann", password: "!theirs", is_superuser: true, email: "theirs@example.com" }),
  exportUser(60, { username: "dan" }),
  record("userrole", 7, { name: "Readers", permissions: "['a.read', 'b.all']", date_updated: "2025-01-01T00:00:00Z" }),
  record("userrole", 8, { name: "Writers", permissions: "['b.write']", date_updated: "2025-01-01T00:00:00Z" }),
  record("identityprovider", 1, { type: "slack", external_id: "T1", config: { here: false } }),
  organization(1, "acme"),
  organization(9, "globex"),
  record("team", 1, { organization: 1, name: "T", slug: "t", status: 0 }),
  record("team", 9, { organization: 9, name: "T", slug: "t", status: 0 }),
  record("authprovider", 1, { organization_id: 1, provider: "okta", config: { here: false }, flags: "1" }),
  record("organizationmember", 5_000, { organization: 1, user_id: null, email: "user-1@example.com", role: "owner", flags: "0" }),
  record("account.account", 1, { account_number: "1111-2222-0001", company_name: "Acme" }),
  record("account.account", 9, { account_number: "1111-2222-0009", company_name: "Globex" }),
  ...others(50),
  ...others(60),
  record("userpermission", 2, { user: 2, permission: "users.admin" }),
  record("identity", 2, { user: 2, idp: 1, external_id: "x2" }),
  record("useremail", 2, { user: 2, email: "mallory@example.com", is_verified: true }),
];

const options = { onConflict: "merge", overwrite: true } as const;

describe("merge joins the account of the same name", () => {
  test("and takes no credentials, flags, permissions or ways in, of no kind", async ({ own: db }) => {
    await importRecords(db, here);
    const users = sql`select * from users where id in (1, 2) order by id`;
    const before = await rowsOf(db, users);
    const report = await importRecords(db, file, options);
    expect(report).toMatchObject({ stored: true, remapped: [{ kind: "user", pk: "50", id: "1" }] });
    expect(await rowsOf(db, users)).toEqual(before);
    for (const [table, of60] of [
      ["user_permission", 1],
      ["authenticator", 1],
      ["identity", 1],
      ["auth_identity", 1],
      ["role_member", 1],
    ] as const) {
      const owners = sql`select user_id from ${sql.table(table)}`;
      expect([table, await rowsOf(db, owners)]).toEqual([table, Array.from({ length: of60 }, () => ({ user_id: "60" }))]);
    }
    expect(await rowsOf(db, sql`select email, is_verified from user_email where user_id in (1, 2) order by 1`)).toEqual([
      { email: "user-1@example.com", is_verified: true },
      { email: "user-2@example.com", is_verified: false },
    ]);
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual(
      expect.arrayContaining([
        ["its user joined an account here, which gets no power and no way in from a file", 6],
        ["its user joined an account here, which keeps its addresses", 1],
        ["its user is not in the file: an account here gets no power and no way in from it", 3],
        ["the role of this name here gives more permissions than that of the file", 1],
      ]),
    );
  });

  test("who keeps its options, and gets those that it has not", async ({ own: db }) => {
    await importRecords(db, here);
    await importRecords(db, file, options);
    expect(await rowsOf(db, sql`select key, value from user_option where user_id = 1 order by key`)).toEqual([
      { key: "theme", value: "dark" },
      { key: "timezone", value: "Europe/Vienna" },
    ]);
  });

  test("who becomes a member and gets profiles in what is new, and in nothing that is here", async ({ own: db }) => {
    await importRecords(db, here);
    await importRecords(db, file, options);
    const memberships = sql`select organization_id, user_id, role, (select count(*)::int from team_member t where t.member_id = m.id) as teams
      from organization_member m order by 1, 2`;
    expect(await rowsOf(db, memberships)).toEqual([
      { organization_id: "1", user_id: "60", role: 3, teams: 1 },
      { organization_id: "9", user_id: "1", role: 0, teams: 1 },
      { organization_id: "9", user_id: "60", role: 0, teams: 1 },
    ]);
    expect(await rowsOf(db, sql`select account_id, user_id from user_profile order by 1, 2`)).toEqual([
      { account_id: "1", user_id: "60" },
      { account_id: "9", user_id: "1" },
      { account_id: "9", user_id: "60" },
    ]);
  });

  test("while roles and providers that are here stay as they are, and new ones come", async ({ own: db }) => {
    await importRecords(db, here);
    const report = await importRecords(db, file, options);
    expect(await rowsOf(db, sql`select r.name, p.permission from role r join role_permission p on p.role_id = r.id order by 1, 2`)).toEqual(
      [
        { name: "Readers", permission: "a.read" },
        { name: "Readers", permission: "users.admin" },
        { name: "Writers", permission: "b.write" },
      ],
    );
    expect(await rowsOf(db, sql`select config from identity_provider`)).toEqual([{ config: { here: true } }]);
    expect(await rowsOf(db, sql`select provider, config, flags from auth_provider`)).toEqual([
      { provider: "saml2", config: { here: true }, flags: "0" },
    ]);
    const kept = report.notes.filter(({ reason }) => reason === "it is here, and the file has no say in it");
    expect(kept.map(({ examples }) => examples)).toEqual([
      [
        "sentry.userrole 7 (record 3): permissions",
        "sentry.identityprovider 1 (record 5): config",
        "sentry.authprovider 1 (record 10): provider, config, flags",
      ],
    ]);
  });

  test("again, without a change", async ({ own: db }) => {
    await importRecords(db, here);
    await importRecords(db, file, options);
    const before = await stateOf(db);
    await importRecords(db, file, options);
    expect(await stateOf(db)).toEqual(before);
  });

  test("once: of two users of the file with its name the second is skipped with all that is its", async ({ own: db }) => {
    await importRecords(db, here);
    const report = await importRecords(
      db,
      [
        exportUser(50, { username: "Ann" }),
        exportUser(51, { username: "ANN" }),
        exportOption(51, { user: 51, key: "theme", value: '"dark"' }),
        record("userpermission", 51, { user: 51, permission: "users.admin" }),
      ],
      options,
    );
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["another record of the file is the same one here", 1],
      ["its user was skipped", 2],
    ]);
  });
});

describe("merge, where only an id or a slug is somebody else's", () => {
  test("gives new ids and suffixes, and takes along what refers to them", async ({ own: db }) => {
    await importRecords(db, here);
    const report = await importRecords(
      db,
      [
        exportUser(1, { username: "zoe" }),
        organization(5, "acme"),
        record("organizationmember", 1, { organization: 5, user_id: 1, email: null, role: "owner", flags: "0" }),
        record("userpermission", 1, { user: 1, permission: "b.all" }),
        record("organizationoption", 1, { organization: 5, key: "k", value: true }),
      ],
      { onConflict: "merge" },
    );
    const [zoe, other] = report.remapped.map(({ id }) => id);
    expect(await rowsOf(db, sql`select id, slug from organization order by id`)).toEqual([
      { id: "1", slug: "acme" },
      { id: other, slug: "acme-2" },
    ]);
    expect(await rowsOf(db, sql`select organization_id, user_id from organization_member`)).toEqual([
      { organization_id: other, user_id: zoe },
    ]);
    expect(await rowsOf(db, sql`select user_id from user_permission`)).toEqual([{ user_id: zoe }]);
    expect(await rowsOf(db, sql`select scope_id from scope_option where scope_kind = 1`)).toEqual([{ scope_id: other }]);
  });
});
