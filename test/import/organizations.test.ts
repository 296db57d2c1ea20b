import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportEmail, exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

type Fields = Readonly<Record<string, unknown>>;

const record = (model: string, pk: number, fields: Fields) => ({ model: `sentry.${model}`, pk, fields });
const organization = (pk: number, fields: Fields = {}) =>
  record("organization", pk, { name: `Org ${pk}`, slug: `org-${pk}`, status: 0, flags: "0", ...fields });
const project = (pk: number, fields: Fields = {}) =>
  record("project", pk, { organization: 1, name: `Project ${pk}`, slug: `project-${pk}`, status: 0, flags: "0", ...fields });
const team = (pk: number, fields: Fields = {}) =>
  record("team", pk, { organization: 1, name: `Team ${pk}`, slug: `team-${pk}`, status: 0, ...fields });
const member = (pk: number, fields: Fields = {}) =>
  record("organizationmember", pk, { organization: 1, user_id: 1, email: null, role: "member", flags: "0", invite_status: 0, ...fields });
const invitation = (pk: number, email: string, fields: Fields = {}) => member(pk, { user_id: null, email, ...fields });
const inTeam = (pk: number, fields: Fields = {}) =>
  record("organizationmemberteam", pk, { team: 1, organizationmember: 1, is_active: true, role: null, ...fields });

const members = sql<{
  organization_id: string;
  user_id: string | null;
  email: string | null;
  role: number;
}>`select organization_id, user_id, email, role from organization_member order by id`;

describe("organizations and what belongs to them", () => {
  test("ids keep their value, and what is created next gets higher ones", async ({ own: db }) => {
    await importRecords(db, [
      exportUser(1),
      organization(70, { flags: "5" }),
      project(80, { organization: 70 }),
      team(90, { organization: undefined, organization_id: 70 }),
    ]);
    await sql`insert into organization (name, slug) values ('n', 'n')`.execute(db.sql);
    await sql`insert into project (organization_id, name, slug) values (70, 'n', 'n')`.execute(db.sql);
    await sql`insert into team (organization_id, name, slug) values (70, 'n', 'n')`.execute(db.sql);
    const ids = sql`select (select max(id) from organization) as o, (select max(id) from project) as p, (select max(id) from team) as t`;
    expect(await rowsOf(db, ids)).toEqual([{ o: "71", p: "81", t: "91" }]);
  });

  test("roles and statuses are mapped; what is being deleted, or not approved, is skipped", async ({ own: db }) => {
    const roles = ["member", "billing", "manager", "admin", "owner", "emperor"];
    const report = await importRecords(db, [
      ...roles.map((_, index) => exportUser(index + 1)),
      exportUser(9),
      organization(1),
      organization(2, { status: 1 }),
      organization(3, { status: 3 }),
      project(1, { status: 1 }),
      project(2, { status: 2 }),
      project(3, { organization: 2 }),
      team(1, { status: 2 }),
      ...roles.map((role, index) => member(index + 1, { user_id: index + 1, role })),
      member(9, { user_id: 9, invite_status: 2 }),
      inTeam(1, { is_active: false }),
    ]);
    expect(await rowsOf(db, sql`select id, status from organization order by id`)).toEqual([
      { id: "1", status: 0 },
      { id: "3", status: 1 },
    ]);
    expect(await rowsOf(db, sql`select id, status from project`)).toEqual([{ id: "1", status: 1 }]);
    expect((await rowsOf(db, members)).map(({ role }) => role)).toEqual([0, 0, 2, 1, 3]);
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["status says that it is being deleted", 3],
      ["its organization was skipped", 1],
      ["role is not known", 1],
      ["invite_status says that nobody has approved it yet", 1],
      ["is_active says that the member has left the team", 1],
    ]);
  });

  test("members join teams by themselves as the file says, and have the role in a team that it gives", async ({ own: db }) => {
    const columns = sql`select o.id, o.open_membership, o.flags, t.role from organization o left join team t0 on t0.organization_id = o.id
      left join team_member t on t.team_id = t0.id order by o.id, t.role`;
    const teamRoles = [null, "contributor", "admin", "emperor"];
    const users = teamRoles.map((_, index) => index + 1);
    const report = await importRecords(db, [
      ...users.map((pk) => exportUser(pk)),
      organization(1, { flags: "5" }),
      organization(2, { flags: "4" }),
      organization(3, { flags: undefined }),
      team(1),
      ...users.map((pk) => member(pk, { user_id: pk })),
      ...users.map((pk, index) => inTeam(pk, { organizationmember: pk, role: teamRoles[index] })),
    ]);
    expect(await rowsOf(db, columns)).toEqual([
      ...[0, 0, 1].map((role) => ({ id: "1", open_membership: true, flags: "4", role })),
      { id: "2", open_membership: false, flags: "4", role: null },
      { id: "3", open_membership: true, flags: "0", role: null },
    ]);
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([["role is not known", 1]]);
    const raised = inTeam(1, { organizationmember: 1, role: "admin" });
    await importRecords(db, [exportUser(1), organization(1, { flags: "4" }), team(1), member(1), raised]);
    expect((await rowsOf(db, columns))[0]).toEqual({ id: "1", open_membership: false, flags: "4", role: 0 });
    expect(await rowsOf(db, sql`select role from team_member order by member_id`)).toEqual([{ role: 1 }, { role: 0 }, { role: 1 }]);
  });

  test("replicas stand for what the file does not hold", async ({ own: db }) => {
    const mapping = (pk: number, id: number) =>
      record("organizationmapping", pk, {
        organization_id: id,
        name: `Org ${id}`,
        slug: `org-${id}`,
        status: 0,
        date_created: "2024-01-01T00:00:00Z",
      });
    const replica = (pk: number, id: number, user: number) =>
      record("organizationmembermapping", pk, {
        organization_id: 2,
        organizationmember_id: id,
        user,
        email: null,
        role: "admin",
        invite_status: 0,
      });
    const file = [
      exportUser(1),
      exportUser(2),
      organization(1, { name: "Itself" }),
      mapping(40, 1),
      mapping(41, 2),
      member(7, { user_id: 1, organization: 2 }),
      replica(50, 7, 1),
      replica(51, 8, 2),
    ];
    const report = await importRecords(db, file);
    expect(await rowsOf(db, sql`select id, name from organization order by id`)).toEqual([
      { id: "1", name: "Itself" },
      { id: "2", name: "Org 2" },
    ]);
    expect(await rowsOf(db, sql`select id, user_id, role from organization_member order by id`)).toEqual([
      { id: "7", user_id: "1", role: 0 },
      { id: "8", user_id: "2", role: 1 },
    ]);
    expect(report.skipped).toMatchObject([{ reason: "what it stands for is in the file too", count: 2 }]);
    const before = await stateOf(db);
    await importRecords(db, file);
    expect(await stateOf(db)).toEqual(before);
  });

  test("an organization that is another one here is left alone, and nothing of the file goes into it", async ({ own: db }) => {
    await importRecords(db, [exportUser(1), organization(1, { slug: "ours" }), organization(5, { slug: "fifth" })]);
    const before = await stateOf(db);
    const file = [
      exportUser(1),
      organization(1, { slug: "theirs" }),
      organization(6, { slug: "fifth" }),
      project(1),
      team(1, { organization: 6 }),
      member(1),
      inTeam(1),
      record("projectteam", 1, { project: 1, team: 1 }),
    ];
    expect(await importRecords(db, file)).toMatchObject({ stored: false, conflicts: [{ pk: "1" }, { pk: "6" }] });
    expect(await stateOf(db)).toEqual(before);
    const report = await importRecords(db, file, { onConflict: "skip" });
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["a conflict: its id or name belongs to another one here", 2],
      ["its organization was skipped", 3],
      ["its team is not in the file, or was skipped", 1],
      ["its project is not in the file, or was skipped", 1],
    ]);
    // Only locked, they have a version 0 now.
    const withoutVersions = (rows: readonly unknown[]) => rows.map((row) => ({ ...(row as object), versions: 0 }));
    expect(withoutVersions(await stateOf(db))).toEqual(withoutVersions(before));
  });

  test("an update changes what differs, and moves versions and log accordingly", async ({ own: db }) => {
    const base = [
      exportUser(1),
      organization(1),
      project(1),
      team(1),
      member(1),
      inTeam(1),
      record("projectteam", 1, { project: 1, team: 1 }),
    ];
    await importRecords(db, base);
    const report = await importRecords(db, [exportUser(1), organization(1, { name: "Renamed" }), project(1), member(1, { role: "owner" })]);
    expect(countsOf(report, "sentry.organization")).toEqual(all("updated", 1));
    expect(countsOf(report, "sentry.organizationmember")).toEqual(all("updated", 1));
    expect(countsOf(report, "sentry.project")).toEqual(all("unchanged", 1));
    expect(await rowsOf(db, sql`select kind, aggregate_kind, changed_columns from changes where operation = 'update' order by id`)).toEqual(
      [
        { kind: "organization", aggregate_kind: "organization", changed_columns: ["name"] },
        { kind: "organization_member", aggregate_kind: "user", changed_columns: ["role"] },
        { kind: "organization_member", aggregate_kind: "organization", changed_columns: ["role"] },
      ],
    );
  });
});

describe("invitations of a file", () => {
  test("stay invitations until their address is verified", async ({ own: db }) => {
    await importRecords(db, [
      exportUser(1),
      exportEmail(1),
      organization(1),
      team(1),
      invitation(1, "USER-1@example.com", { role: "admin" }),
      inTeam(1),
    ]);
    expect(await rowsOf(db, members)).toEqual([{ organization_id: "1", user_id: null, email: "USER-1@example.com", role: 1 }]);
    await importRecords(db, [exportUser(1), exportEmail(1, { is_verified: true })]);
    expect(await rowsOf(db, members)).toEqual([{ organization_id: "1", user_id: "1", email: null, role: 1 }]);
    expect(await rowsOf(db, sql`select member_id from team_member`)).toEqual([{ member_id: "1" }]);
  });

  test("are memberships where the address is verified already, and go where the user is a member", async ({ own: db }) => {
    const report = await importRecords(db, [
      exportUser(1),
      exportEmail(1, { is_verified: true }),
      exportUser(2),
      exportEmail(2, { is_verified: true }),
      organization(1),
      invitation(1, "user-1@example.com", { role: "owner" }),
      member(2, { user_id: 2 }),
      invitation(3, "user-2@example.com", { role: "owner" }),
    ]);
    expect(await rowsOf(db, members)).toEqual([
      { organization_id: "1", user_id: "1", email: null, role: 3 },
      { organization_id: "1", user_id: "2", email: null, role: 0 },
    ]);
    expect(report.skipped).toMatchObject([{ reason: "its user is a member already", count: 1 }]);
    expect(JSON.stringify(report)).not.toContain("user-2@example.com");
  });

  test("keep their end: one that has expired is listed, and is nobody's membership", async ({ own: db }) => {
    const [past, future] = ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"];
    await importRecords(db, [
      exportUser(1),
      exportEmail(1, { is_verified: true }),
      exportUser(2),
      exportEmail(2),
      ...[1, 2, 3].map((pk) => organization(pk)),
      invitation(1, "user-1@example.com", { organization: 1, token_expires_at: past }),
      invitation(2, "user-1@example.com", { organization: 2, token_expires_at: future }),
      invitation(3, "user-2@example.com", { organization: 1, token_expires_at: past }),
      invitation(4, "user-2@example.com", { organization: 2, token_expires_at: future }),
      invitation(5, "user-2@example.com", { organization: 3, token_expires_at: null }),
      member(6, { organization: 3, user_id: 1, token_expires_at: past }),
    ]);
    const ends = sql`select organization_id, user_id, invite_expire_time from organization_member order by id`;
    const end = (text: string) => new Date(text);
    expect(await rowsOf(db, ends)).toEqual([
      { organization_id: "1", user_id: null, invite_expire_time: end(past) },
      { organization_id: "2", user_id: "1", invite_expire_time: null },
      { organization_id: "1", user_id: null, invite_expire_time: end(past) },
      { organization_id: "2", user_id: null, invite_expire_time: end(future) },
      { organization_id: "3", user_id: null, invite_expire_time: null },
      { organization_id: "3", user_id: "1", invite_expire_time: null },
    ]);
    await importRecords(db, [exportUser(2), exportEmail(2, { is_verified: true })]);
    expect(await rowsOf(db, sql`select organization_id from organization_member where user_id = 2 order by 1`)).toEqual([
      { organization_id: "2" },
      { organization_id: "3" },
    ]);
  });

  test("become memberships with their ids, roles and teams when a later file verifies the address, which is told", async ({ own: db }) => {
    const organizations = [organization(1), organization(2), team(1)];
    await importRecords(db, [
      exportUser(1),
      ...organizations,
      invitation(40, "user-1@example.com", { role: "admin" }),
      inTeam(1, { organizationmember: 40 }),
    ]);
    await importRecords(db, [invitation(41, "user-1@example.com", { organization: 2 }), member(42, { organization: 2 })]);
    // Somebody made more of the invitation here since.
    await sql`select set_config('userd.caller', 'test', false)`.execute(db.sql);
    await sql`update organization_member set role = 3 where id = 40`.execute(db.sql);
    const verified = [exportUser(1), exportEmail(1, { is_verified: true })];
    const { notes } = await importRecords(db, [...verified, ...organizations, invitation(40, "user-1@example.com", { role: "admin" })]);
    expect(await rowsOf(db, sql`select id, user_id, email, role from organization_member order by id`)).toEqual([
      { id: "40", user_id: "1", email: null, role: 3 },
      { id: "42", user_id: "1", email: null, role: 0 },
    ]);
    expect(await rowsOf(db, sql`select member_id from team_member`)).toEqual([{ member_id: "40" }]);
    expect(notes.map(({ reason, examples }) => [reason, examples])).toEqual([
      [
        "an organization here had invited the address: its user is a member already, and the invitation is gone",
        ["member 41 of organization 2; user 1"],
      ],
      ["an organization here had invited the address: its user is a member now", ["member 40 of organization 1; user 1"]],
      ["an invitation of a verified address, which is a membership here", ["user 1"]],
      ["it was changed here since, which stands; --overwrite lets the file win", ["sentry.organizationmember 40 (record 6): role"]],
    ]);
    const before = await stateOf(db);
    await importRecords(db, verified);
    expect(await stateOf(db)).toEqual(before);
  });
});
