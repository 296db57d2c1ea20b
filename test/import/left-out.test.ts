import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { ReportLine } from "../../src/import/report.ts";
import { exportEmail, exportUser } from "../support/exports.ts";
import { importRecords, rowsOf, test } from "./fixture.ts";

const record = (model: string, pk: number, fields: object) => ({ model, pk, fields });
const organization = record("sentry.organization", 1, { name: "Acme", slug: "acme", status: 0 });
const account = (fields: object = {}) => record("account.account", 1, { account_number: "1111-2222-0001", ...fields });

/** Imports and lists what is said of each record: its number, whether it is stored, and the reason. */
const told = async (db: Parameters<typeof importRecords>[0], file: readonly unknown[]) => {
  const lines: ReportLine[] = [];
  const report = await importRecords(db, file, { onLine: (line) => void lines.push(line) });
  expect(report.stored).toBe(true);
  return lines.map(({ fate, record: number, reason }) => [number, fate, reason]);
};

describe("what a record holds and userd does not is told of that record", () => {
  test("a role that userd does not tell from another one", async ({ own: db }) => {
    const member = (pk: number, fields: object) => record("sentry.organizationmember", pk, { organization: 1, ...fields });
    const invite = record("sentry.organizationmemberinvite", 3, { organization: 1, email: "b@example.com", role: "billing" });
    const reason = "role is billing, which userd does not tell from member";
    expect(
      await told(db, [
        organization,
        member(1, { email: "a@example.com", role: "member" }),
        member(2, { email: "c@example.com", role: "billing" }),
        invite,
      ]),
    ).toEqual([
      [3, "noted", reason],
      [4, "noted", reason],
    ]);
  });

  test("a member's address and end, which only invitations have", async ({ own: db }) => {
    const fields = { organization: 1, user_id: 1, email: "ann@example.com", role: "owner", token_expires_at: "2034-01-01T00:00:00Z" };
    expect(await told(db, [exportUser(1, { email: "" }), organization, record("sentry.organizationmember", 1, fields)])).toEqual([
      [3, "noted", "email is left out: a member has those of its user"],
      [3, "noted", "token_expires_at is left out: only invitations expire"],
    ]);
  });

  test("an invitation of a verified address becomes a membership", async ({ own: db }) => {
    const invitation = record("sentry.organizationmember", 1, { organization: 1, email: "user-1@example.com", role: "owner" });
    expect(await told(db, [exportUser(1), exportEmail(1, { is_verified: true }), organization, invitation])).toEqual([
      [4, "noted", "an invitation of a verified address, which is a membership here"],
    ]);
  });

  test("permissions and tags that come twice, and a company's name beside another one", async ({ own: db }) => {
    const role = record("sentry.userrole", 1, { name: "r", permissions: "['a.b', 'a.b']" });
    const tags = "tags hold one twice, in other letters or in the same: the first stands";
    expect(
      await told(db, [
        role,
        account({ tags: ["Blue", "BLUE"], name: "Own", company_name: "Company" }),
        exportUser(1, { email: "" }),
        record("account.userprofile", 1, { user: 1, account: 1, tags: ["a", "a"] }),
      ]),
    ).toEqual([
      [1, "noted", "permissions hold one twice"],
      [2, "noted", "company_name is left out: the account has another name of its own"],
      [2, "noted", tags],
      [4, "noted", tags],
    ]);
  });

  test("white space around a contact's address, and what a contact gets from its user and its account", async ({ own: db }) => {
    const contact = (pk: number, email: string, fields: object) => record("account.accountcontact", pk, { account: 1, email, ...fields });
    const file = [
      exportUser(1, { name: "Ann" }),
      account(),
      record("account.userprofile", 1, { user: 1, account: 1 }),
      contact(1, "user-1@example.com", { first_name: "", is_primary: false }),
      contact(2, " boss@example.com", { first_name: "Boss", is_primary: false }),
    ];
    const said = (await told(db, file)).filter(([number]) => Number(number) > 3);
    expect(said).toEqual([
      [4, "noted", "it became the primary contact of an account that has no other one"],
      [4, "noted", "it has no name in the file, and got that of its user"],
      [5, "noted", "email has white space around it, which is left out"],
    ]);
    expect((await told(db, file)).filter(([number]) => number === 4)).toContainEqual([
      4,
      "noted",
      "the primary contact here, which it stays",
    ]);
  });

  test("fields of a project's own users that stand for one thing and say two", async ({ own: db }) => {
    const user = (pk: number, fields: object) =>
      record("users.user", pk, { username: `u${pk}`, password: "", last_login: null, ...fields });
    const same = { name: "Ann Lee", full_name: "Ann Lee", first_name: "Ann", last_name: "Lee", is_staff: true, is_admin: true };
    const times = { date_joined: "2024-01-01T00:00:00Z", created_at: "2024-01-02T00:00:00Z" };
    const said = await told(db, [user(1, same), user(2, { ...same, name: "Bob", is_admin: false, ...times })]);
    expect(said.filter(([, , reason]) => !String(reason).startsWith("this model"))).toEqual([
      [2, "noted", "created_at left out: date_joined says something else"],
      [2, "noted", "first_name and last_name left out: name says something else"],
      [2, "noted", "full_name left out: name says something else"],
      [2, "noted", "is_admin left out: is_staff says something else"],
    ]);
  });

  test("usernames that CreateUser would refuse stay", async ({ own: db }) => {
    const usernames = ["\u200b", "two words", "müller", "mike@münchen.example"];
    const file = usernames.map((username, index) => exportUser(index + 1, { username, email: "" }));
    const kept = "kept: CreateUser would refuse the username (docs/names.md)";
    expect(await told(db, file)).toEqual([
      [1, "noted", kept],
      [2, "noted", kept],
    ]);
    expect(await rowsOf(db, sql`select username from users order by id`)).toEqual(usernames.map((username) => ({ username })));
  });

  test("a username that is an address of another user is told of its own model", async ({ own: db }) => {
    const lines: ReportLine[] = [];
    const user = (pk: number, fields: object) => record("auth.user", pk, fields);
    await importRecords(db, [user(1, { username: "a@example.com", email: "" }), user(2, { username: "b", email: "a@example.com" })], {
      onLine: (line) => void lines.push(line),
    });
    expect(lines.filter(({ reason }) => reason.startsWith("the username is"))).toMatchObject([{ model: "auth.user", record: 1 }]);
  });
});

describe("when a user was seen last", () => {
  const user = (fields: object) => exportUser(1, { email: "", ...fields });
  const reason = "seen here later than the file says, which stands";

  test("what is later here stands, and is told; what is later in the file is taken", async ({ own: db }) => {
    const file = [user({ last_login: "2024-01-01T00:00:00Z", last_active: null })];
    await importRecords(db, file);
    await sql`update user_activity set last_login = '2025-01-01', last_active = '2025-01-01'`.execute(db.sql);
    const lines: ReportLine[] = [];
    await importRecords(db, file, { onLine: (line) => void lines.push(line) });
    expect(lines).toMatchObject([{ model: "sentry.user", record: 1, reason, about: "sentry.user 1 (record 1): last_login, last_active" }]);
    expect(await told(db, [user({ last_login: "2026-01-01T00:00:00Z", last_active: "2026-01-01T00:00:00Z" })])).toEqual([]);
  });

  test("a record that does not say it has nothing that could be older", async ({ own: db }) => {
    await importRecords(db, [user({ last_login: "2024-01-01T00:00:00Z", last_active: "2024-01-01T00:00:00Z" })]);
    expect(await told(db, [record("sentry.user", 1, { username: "user-1" })])).toEqual([]);
  });
});

describe("invitations of newer versions of Sentry", () => {
  const team = record("sentry.team", 1, { organization: 1, name: "Ops", slug: "ops" });
  const invite = (pk: number, fields: object) =>
    record("sentry.organizationmemberinvite", pk, { organization: 1, email: `i${pk}@example.com`, role: "member", ...fields });

  test("expire when the file says so; one that says nothing does not", async ({ own: db }) => {
    const file = [
      organization,
      invite(1, { token_expires_at: "2034-05-06T07:08:09Z" }),
      invite(2, { token_expires_at: null }),
      invite(3, {}),
    ];
    expect(await told(db, file)).toEqual([]);
    expect(await rowsOf(db, sql`select email, invite_expire_time from organization_member order by email`)).toEqual([
      { email: "i1@example.com", invite_expire_time: new Date("2034-05-06T07:08:09Z") },
      { email: "i2@example.com", invite_expire_time: null },
      { email: "i3@example.com", invite_expire_time: null },
    ]);
  });

  test("have their teams as a list or in a string; with a role in each, and what is no list is refused", async ({ own: db }) => {
    const teams = (organization_member_team_data: unknown, pk = 1) => invite(pk, { organization_member_team_data });
    const file = [organization, team, teams('[{"id": 1}]'), teams([{ id: 1, role: "admin" }], 2), teams({}, 3), teams(null, 4)];
    expect(await told(db, file)).toEqual([]);
    expect(await rowsOf(db, sql`select role from team_member order by id`)).toEqual([{ role: 0 }, { role: 1 }]);
    await expect(importRecords(db, [organization, teams({ id: 1 })])).rejects.toThrow(
      "Record 2 (sentry.organizationmemberinvite 1): organization_member_team_data must be a list, and is an object.",
    );
  });
});

test("a record that names two of what it can belong to once is skipped", async ({ own: db }) => {
  const two = { organization: 1, organization_id: 2 };
  const named = { name: "n", slug: "n" };
  const option = { key: "k", value: 1 };
  const said = await told(db, [
    exportUser(1, { email: "" }),
    organization,
    record("sentry.project", 1, { ...two, ...named }),
    record("sentry.team", 1, { ...two, ...named }),
    record("sentry.organizationmember", 1, { ...two, user_id: 1, role: "owner" }),
    record("sentry.organizationmember", 2, { organization: 1, user_id: 1, user: 2, role: "owner" }),
    record("sentry.organizationoption", 1, { ...two, ...option }),
    record("sentry.projectoption", 1, { project: 1, project_id: 2, ...option }),
    record("sentry.useroption", 1, { user: 1, ...two, ...option }),
    record("sentry.authprovider", 1, { ...two, provider: "saml2" }),
    record("sentry.projectteam", 1, { project: 1, project_id: 2, team: 1 }),
  ]);
  const organizations = "it names two organizations";
  expect(said).toEqual(
    [organizations, organizations, organizations, "it names two users", organizations, "it names two projects"]
      .concat([organizations, organizations, "it names two projects"])
      .map((reason, index) => [index + 3, "skipped", reason]),
  );
});

test("annotations of old versions are JSON inside a string", async ({ own: db }) => {
  await importRecords(db, [account({ annotations: '[{"a": [1, "x"]}]' })]);
  expect(await rowsOf(db, sql`select annotations from account`)).toEqual([{ annotations: [{ a: [1, "x"] }] }]);
});

describe("a time stamp of a row", () => {
  const option = (fields: object) => record("sentry.option", 1, { key: "k", value: 1, ...fields });
  const stamp = sql`select update_time from scope_option`;

  test("is taken from the file that is newer, also where the value is the same", async ({ own: db }) => {
    await importRecords(db, [option({ last_updated: "2024-01-01T00:00:00Z" })]);
    expect(await told(db, [option({ last_updated: "2025-01-01T00:00:00Z" })])).toEqual([]);
    expect(await rowsOf(db, stamp)).toEqual([{ update_time: new Date("2025-01-01T00:00:00Z") }]);
    // A file that does not say it changes nothing.
    expect(await importRecords(db, [option({})])).toMatchObject({ models: [{ unchanged: 1 }] });
    expect(await rowsOf(db, stamp)).toEqual([{ update_time: new Date("2025-01-01T00:00:00Z") }]);
  });

  test("that is newer here stands, and is told", async ({ own: db }) => {
    await importRecords(db, [option({ last_updated: "2025-01-01T00:00:00Z" })]);
    expect(await told(db, [option({ last_updated: "2024-01-01T00:00:00Z" })])).toEqual([
      [1, "noted", "it was changed here since, which stands; --overwrite lets the file win"],
    ]);
    expect(await rowsOf(db, stamp)).toEqual([{ update_time: new Date("2025-01-01T00:00:00Z") }]);
  });
});

test("a name that an earlier import gave a suffix is told again", async ({ own: db }) => {
  const file = [1, 2].map((pk) => exportUser(pk, { username: "ann", email: "" }));
  expect(await told(db, file)).toEqual([[2, "noted", "renamed: another user has its username"]]);
  expect(await told(db, file)).toEqual([[2, "noted", "renamed by an earlier import, and stays so"]]);
});
