import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { OwnedDatabase } from "../../src/db/open.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { readers } from "../../src/import/readers/index.ts";
import { toValue } from "../../src/options/value.ts";
import { builtin } from "../../src/schema/kind-set.ts";
import { type ServiceWith, serviceWith } from "../options/service-with.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";
import { of2023 as file, OLD, recordOf as record } from "./of-2023.ts";

type Change = (service: ServiceWith) => Promise<unknown>;

const target = { case: "globalScope", value: {} } as const;

/** What is done by calls → what tells of it. */
const changes = {
  SetPassword: [({ users }) => users.setPassword({ userId: 1n, password: "Quite another 1!" }), "select password from users where id = 1"],
  VerifyPassword: [
    ({ users }) => users.verifyPassword({ user: { case: "userId", value: 1n }, password: "letmein" }),
    "select password from users where id = 1",
  ],
  UpdateUser: [({ users }) => users.updateUser({ user: { id: 1n, name: "Anna" } }), "select name from users where id = 1"],
  UpdateRole: [
    ({ users }) => users.updateRole({ role: { name: "Readers", permissions: ["a.read"] } }),
    "select update_time, permission from role join role_permission on role_id = role.id",
  ],
  SetOption: [
    ({ options }) => options.setOption({ userId: 1n, key: "theme", value: toValue("dark") }),
    "select value from user_option where key = 'theme'",
  ],
  SetScopeOption: [
    ({ options }) => options.setScopeOption({ target, key: "mail.from", value: toValue("new@example.com") }),
    "select value from scope_option where key = 'mail.from'",
  ],
  UpdateProfile: [({ profiles }) => profiles.updateProfile({ profile: { id: 1n, name: "New" } }), "select name from user_profile"],
  SetMemberRole: [
    ({ organizations }) =>
      organizations.setMemberRole({ organizationId: 1n, member: { case: "userId", value: 2n }, role: MemberRole.MEMBER }),
    "select role from organization_member where user_id = 2",
  ],
  UpdateOrganization: [
    ({ organizations }) => organizations.updateOrganization({ organization: { id: 1n, name: "Apex" } }),
    "select name from organization",
  ],
  UpdateProject: [
    ({ organizations }) => organizations.updateProject({ project: { id: 1n, name: "Net" } }),
    "select name from project order by id",
  ],
  UpdateTeam: [({ organizations }) => organizations.updateTeam({ team: { id: 1n, name: "Crew" } }), "select name from team"],
  UpdateAccount: [({ profiles }) => profiles.updateAccount({ account: { id: 1n, name: "Apex" } }), "select name from account"],
  UpdateIdentityProvider: [
    ({ users }) => users.updateIdentityProvider({ provider: { id: 1n, config: toValue({ a: 1 }) } }),
    "select config from identity_provider",
  ],
  UpdateAuthProvider: [
    ({ users }) => users.updateAuthProvider({ provider: { id: 1n, config: toValue({ a: 1 }) } }),
    "select config from auth_provider",
  ],
} satisfies Readonly<Record<string, readonly [change: Change, told: string]>>;

const removals: Readonly<Record<string, readonly [change: Change, told: string]>> = {
  RemoveUserEmail: [
    ({ users }) => users.removeUserEmail({ userId: 1n, email: "second@example.com" }),
    "select email from user_email where user_id = 1",
  ],
  DeleteOption: [({ options }) => options.deleteOption({ userId: 1n, key: "theme" }), "select key from user_option"],
  DeleteScopeOption: [({ options }) => options.deleteScopeOption({ target, key: "mail.reply" }), "select key from scope_option order by 1"],
  UnassignRole: [({ users }) => users.unassignRole({ userId: 1n, roleName: "Readers" }), "select user_id from role_member"],
  RevokePermission: [
    ({ users }) => users.revokePermission({ userId: 1n, permission: "users.admin" }),
    "select permission from user_permission",
  ],
  RemoveAuthenticator: [({ users }) => users.removeAuthenticator({ userId: 1n, type: 2 }), "select type from authenticator"],
  UnlinkIdentity: [({ users }) => users.unlinkIdentity({ userId: 1n, providerId: 1n }), "select external_id from identity"],
  RemoveMember: [
    ({ organizations }) => organizations.removeMember({ organizationId: 1n, member: { case: "userId", value: 2n } }),
    "select user_id, (select count(*)::int from team_member) as teams from organization_member order by 1",
  ],
  RemoveProjectTeam: [
    ({ organizations }) => organizations.removeProjectTeam({ projectId: 1n, teamId: 1n }),
    "select project_id from project_team",
  ],
  UnlinkAuthIdentity: [({ users }) => users.unlinkAuthIdentity({ userId: 1n, providerId: 1n }), "select external_id from auth_identity"],
  RemoveAccountContact: [
    ({ profiles }) => profiles.removeAccountContact({ accountId: 1n, email: "boss@example.com" }),
    "select email from account_contact order by 1",
  ],
  PurgeProject: [({ organizations }) => organizations.purgeProject({ id: 2n }), "select id from project order by 1"],
};

// Tables of kinds are written by the same steps for all kinds; releases.test.ts has those.
test("each tracked table that an import writes to is changed or removed from here", async ({ own: db }) => {
  const told = [...Object.values(changes), ...Object.values(removals)].map(([, statement]) => statement).join("\n");
  const written = new Set(readers.flatMap(({ tables }) => tables.flatMap(({ table }) => table ?? [])));
  const tracked = await rowsOf(
    db,
    sql<{ table: string }>`select tgrelid::regclass::text as table from pg_trigger where tgname = tgrelid::regclass::text || '_deleted'`,
  );
  expect(tracked.length).toBeGreaterThan(20);
  const missing = tracked.flatMap(({ table }) =>
    written.has(table) && !builtin.tables.has(table) && !new RegExp(`(from|join) ${table}\\b`).test(told) ? [table] : [],
  );
  expect(missing, "change a row of the table by an RPC in `changes` or `removals`: an older file must not take that back").toEqual([]);
});

/** Imports, changes everything, and imports the older file again. */
const importAgain = async (db: OwnedDatabase, url: string, calls: readonly Change[], overwrite: boolean, tells: readonly string[]) => {
  const tell = () => Promise.all(tells.map((told) => rowsOf(db, sql.raw(told))));
  await importRecords(db, file);
  const imported = await tell();
  await using service = await serviceWith(url, {});
  for (const call of calls) await call(service);
  const changed = await tell();
  const before = await stateOf(db);
  const report = await importRecords(db, file, { overwrite });
  return { imported, changed, before, report, after: await tell() };
};

/** The two ways to another password, each with everything else. */
const { SetPassword, VerifyPassword, ...others } = changes;

describe.for([
  ["SetPassword", [SetPassword, ...Object.values(others)]],
  ["VerifyPassword", [VerifyPassword, ...Object.values(others)]],
] as const)("19 after %s and all other changes by calls an older file", { timeout: 120_000 }, ([, made]) => {
  const calls = made.map(([call]) => call);
  const tells = made.map(([, told]) => told);

  test("changes nothing, and what would go back is listed", async ({ own: db, ownUrl }) => {
    const { imported, changed, before, report, after } = await importAgain(db, ownUrl, calls, false, tells);
    for (const [index, rows] of changed.entries()) expect([tells[index], rows]).not.toEqual([tells[index], imported[index]]);
    expect(after, "name the table in `logged` of src/import/steps/stands.ts: the file has undone what was done here").toEqual(changed);
    expect(await stateOf(db)).toEqual(before);
    const listed = report.notes.find(({ reason }) => reason.startsWith("it was changed here since"));
    // A line for each call: those for the password and the name are of one user, and a role's permissions have a line of their own.
    expect(listed?.count).toBe(calls.length);
  });

  test("wins with --overwrite", async ({ own: db, ownUrl }) => {
    const { imported, after } = await importAgain(db, ownUrl, calls, true, tells);
    expect(after).toEqual(imported);
  });
});

describe("19 after removals by calls an older file", { timeout: 120_000 }, () => {
  const calls = Object.values(removals).map(([call]) => call);
  const tells = Object.values(removals).map(([, told]) => told);

  test("brings nothing back, and lists it", async ({ own: db, ownUrl }) => {
    const { imported, changed, before, report, after } = await importAgain(db, ownUrl, calls, false, tells);
    for (const [index, rows] of changed.entries()) expect([tells[index], rows]).not.toEqual([tells[index], imported[index]]);
    expect(after, "name the table in `logged` of src/import/steps/stands.ts: the file has undone what was done here").toEqual(changed);
    expect(await stateOf(db)).toEqual(before);
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual(
      expect.arrayContaining([["it was removed here since, which stands; --overwrite lets the file win", calls.length]]),
    );
  });

  test("brings it back with --overwrite", async ({ own: db, ownUrl }) => {
    const { imported, after } = await importAgain(db, ownUrl, calls, true, tells);
    expect(after).toEqual(imported);
  });
});

test("an older file is told each field of a row that did not become its own, the time of the last change too", async ({ own: db }) => {
  const role = (date: string, permissions: string) =>
    record("userrole", 1, { name: "Readers", permissions, date_added: date, date_updated: date });
  await importRecords(db, [role("2024-01-01T00:00:00Z", "['a.read']")]);
  const { notes } = await importRecords(db, [role(OLD, "['b.read']")]);
  expect(notes.flatMap(({ examples }) => examples)).toEqual([
    "sentry.userrole 1 (record 1): create_time, update_time",
    "sentry.userrole 1 (record 1): permissions",
  ]);
});
