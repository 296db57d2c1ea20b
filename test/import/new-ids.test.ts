import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { inTransaction } from "../../src/db/in-transaction.ts";
import type { ReportLine } from "../../src/import/report.ts";
import { formatReport } from "../../src/import/report-text.ts";
import { purgeUsers } from "../../src/lifecycle/purge-users.ts";
import { eraseScope } from "../../src/lifecycle/record-scope.ts";
import { testEraser } from "../support/eraser.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const uuidFile = readFileSync(new URL("./cases/04-uuid-pk.json", import.meta.url), "utf8");
const ANN = "6f1d1b0e-8a51-4a55-9a44-2f3a1d5f6c11";
const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const users = sql`select id, username, external_id from users order by id`;
const record = (model: string, pk: unknown, fields: Record<string, unknown>) => ({ model, pk, fields });
const asNew = { ids: "new" } as const;

/** An installation of Sentry's models whose keys are what `key` makes of their numbers. */
const installation = (key: (number: number) => unknown) => [
  record("sentry.userrole", key(70), { name: "Support", permissions: ["users.admin"] }),
  // What refers to others may come before them.
  record("sentry.userroleuser", key(71), { user: key(1), role: key(70) }),
  record("sentry.useroption", key(60), { user: key(2), project_id: key(20), key: "mail:email", value: "bob@example.com" }),
  record("sentry.useroption", key(61), { user: key(2), organization_id: key(10), key: "timezone", value: "UTC" }),
  record("sentry.user", key(1), { username: "ann", email: "ann@example.com", password: "" }),
  record("sentry.user", key(2), { username: "bob", email: "bob@example.com", password: "" }),
  record("sentry.organization", key(10), { name: "Acme", slug: "acme", status: 0 }),
  record("sentry.project", key(20), { organization: key(10), name: "Web", slug: "web", status: 0 }),
  record("sentry.team", key(30), { organization: key(10), name: "Ops", slug: "ops", status: 0 }),
  record("sentry.organizationmember", key(40), { organization: key(10), user_id: key(1), role: "owner" }),
  record("sentry.organizationmember", key(41), { organization: key(10), user_id: key(2), role: "member" }),
  record("sentry.organizationmemberteam", key(50), { organizationmember: key(41), team: key(30) }),
  record("sentry.projectteam", key(55), { project: key(20), team: key(30) }),
  record("sentry.organizationoption", key(80), { organization: key(10), key: "sentry:require_2fa", value: true }),
  record("sentry.projectoption", key(81), { project: key(20), key: "sentry:origins", value: ["*"] }),
];

const relations = sql`select
  (select json_agg(json_build_array(u.username, o.slug, m.role) order by u.username) from organization_member m join users u on u.id = m.user_id
    join organization o on o.id = m.organization_id) as members,
  (select json_agg(json_build_array(u.username, t.slug)) from team_member tm join organization_member m on m.id = tm.member_id
    join users u on u.id = m.user_id join team t on t.id = tm.team_id) as teams,
  (select json_agg(json_build_array(p.slug, t.slug)) from project_team pt join project p on p.id = pt.project_id join team t on t.id = pt.team_id) as projects,
  (select json_agg(json_build_array(u.username, coalesce(p.slug, g.slug), o.key) order by o.key) from user_option o join users u on u.id = o.user_id
    left join project p on o.scope_kind = 2 and p.id = o.scope_id left join organization g on o.scope_kind = 1 and g.id = o.scope_id) as options,
  (select json_agg(json_build_array(coalesce(p.slug, g.slug), o.key) order by o.key) from scope_option o
    left join project p on o.scope_kind = 2 and p.id = o.scope_id left join organization g on o.scope_kind = 1 and g.id = o.scope_id) as scopes,
  (select json_agg(json_build_array(u.username, r.name)) from role_member rm join users u on u.id = rm.user_id join role r on r.id = rm.role_id) as roles`;

const EXPECTED = [
  {
    members: [
      ["ann", "acme", 3],
      ["bob", "acme", 0],
    ],
    teams: [["bob", "ops"]],
    projects: [["web", "ops"]],
    options: [
      ["bob", "web", "mail:email"],
      ["bob", "acme", "timezone"],
    ],
    scopes: [
      ["web", "sentry:origins"],
      ["acme", "sentry:require_2fa"],
    ],
    roles: [["ann", "Support"]],
  },
];

describe("a file whose keys are UUIDs", () => {
  test("is refused, and the sentence names what takes it", async ({ own: db }) => {
    await expect(importRecords(db, uuidFile)).rejects.toThrow(
      `Record 1 (auth.user "${ANN}"): pk is no integer: --ids new gives such records new ids.`,
    );
  });

  test("--ids new: an id of the sequence, the key as external id with its canonical, and the map", async ({ own: db }) => {
    const report = await importRecords(db, uuidFile, asNew);
    expect(await rowsOf(db, users)).toEqual([{ id: "1", username: "ann", external_id: ANN }]);
    expect(report.remapped).toEqual([{ kind: "user", pk: ANN, id: "1" }]);
    const canonical = () =>
      rowsOf(db, sql`select version from name_version where digest = name_digest(${`external:${hash("sha256", ANN)}`})`);
    expect(await canonical()).toEqual([{ version: "1" }]);
    const before = await stateOf(db);
    expect(countsOf(await importRecords(db, uuidFile, asNew), "auth.user")).toEqual(all("unchanged", 1));
    expect(await stateOf(db)).toEqual(before);
  });

  test("a user that was changed and renamed here meanwhile is the same one, and what is newer stands", async ({ own: db }) => {
    await importRecords(db, uuidFile, asNew);
    await sql`update users set username = 'anna', username_canonical = 'anna', name = 'Anna', name_canonical = 'anna' where id = 1`.execute(
      db.sql,
    );
    const renamed = [record("auth.user", ANN, { username: "ann", email: "ann@example.com", first_name: "Ann", is_staff: true })];
    expect(countsOf(await importRecords(db, renamed, asNew), "auth.user")).toEqual(all("updated", 1));
    expect(await rowsOf(db, sql`select id, username, name, is_staff, external_id from users`)).toEqual([
      { id: "1", username: "anna", name: "Anna", is_staff: true, external_id: ANN },
    ]);
    // Renamed in the file as well: the UUID says who it is, and the name here stands.
    const again = [record("auth.user", ANN, { username: "annie", email: "ann@example.com" })];
    const { notes, conflicts } = await importRecords(db, again, asNew);
    expect(conflicts).toEqual([]);
    expect(notes.map(({ reason, examples }) => [reason, examples])).toContainEqual([
      "has another username here, which stays",
      [`user ${ANN}`],
    ]);
    expect(await rowsOf(db, sql`select username from users`)).toEqual([{ username: "anna" }]);
  });

  test("an account of the name here is a conflict, which is told by the key of the file", async ({ own: db }) => {
    await importRecords(db, [record("auth.user", 9, { username: "ann", email: "other@example.com" })]);
    const { stored, conflicts } = await importRecords(db, uuidFile, asNew);
    expect({ stored, conflicts }).toEqual({
      stored: false,
      conflicts: [{ kind: "user", model: "auth.user", record: 1, pk: ANN, name: "ann", nameHere: null, idHere: "9" }],
    });
    await importRecords(db, uuidFile, { ...asNew, onConflict: "remap" });
    expect(await rowsOf(db, users)).toEqual([
      { id: "9", username: "ann", external_id: null },
      { id: "10", username: "ann-2", external_id: ANN },
    ]);
  });

  test("a dry run says the same, and draws no ids", async ({ own: db }) => {
    expect((await importRecords(db, uuidFile, { ...asNew, dryRun: true })).models).toMatchObject([{ created: 1 }]);
    expect(await rowsOf(db, sql`select last_value, is_called from users_id_seq`)).toEqual([{ last_value: "1", is_called: false }]);
  });
});

describe.for<[string, (number: number) => unknown]>([
  ["UUIDs", uuid],
  ["slugs", (number) => `key-${number}`],
  ["digits with zeros in front", (number) => `00${number}`],
  ["integers", (number) => number],
  ["integers of 64 bits and more", (number) => String(2n ** (number % 2 === 0 ? 53n : 64n) + BigInt(number))],
  ["integers and UUIDs", (number) => (number < 10 ? uuid(number) : number)],
])("an installation whose keys are %s", ([, key]) => {
  test("all references follow the keys, and another import changes nothing", async ({ own: db }) => {
    await sql`select setval('users_id_seq', 500), setval('organization_id_seq', 600), setval('project_id_seq', 700)`.execute(db.sql);
    const report = await importRecords(db, installation(key), asNew);
    expect(report.skipped).toEqual([]);
    expect(await rowsOf(db, relations)).toEqual(EXPECTED);
    expect(await rowsOf(db, users)).toEqual([
      { id: "501", username: "ann", external_id: String(key(1)) },
      { id: "502", username: "bob", external_id: String(key(2)) },
    ]);
    expect(report.remapped).toContainEqual({ kind: "organization", pk: String(key(10)), id: "601" });
    const before = await stateOf(db);
    const again = await importRecords(db, installation(key), asNew);
    expect(again.models.every(({ read, unchanged }) => read === unchanged)).toBe(true);
    expect(await stateOf(db)).toEqual(before);
    // Below zero stand keys of the file, which no row may keep.
    expect(await rowsOf(db, sql`select kind, id from aggregate_version where id < 0`)).toEqual([]);
  });
});

test("the same integer of another installation is somebody else: a conflict, and with remap a new user", async ({ own: db }) => {
  await importRecords(db, [record("auth.user", 7, { username: "ann" })], asNew);
  const other = [record("auth.user", 7, { username: "bob" })];
  expect((await importRecords(db, other, asNew)).conflicts).toMatchObject([{ pk: "7", name: "bob", nameHere: "ann", idHere: null }]);
  const remap = { ...asNew, onConflict: "remap" } as const;
  await importRecords(db, other, remap);
  const expected = [
    { id: "1", username: "ann", external_id: "7" },
    { id: "2", username: "bob", external_id: null },
  ];
  expect(await rowsOf(db, users)).toEqual(expected);
  expect(countsOf(await importRecords(db, other, remap), "auth.user")).toEqual(all("unchanged", 1));
  expect(await rowsOf(db, users)).toEqual(expected);
});

test("U40 hashes of names that an import remembers go with the purge of what bore the names", async ({ own: db }) => {
  await importRecords(db, installation(uuid), asNew);
  const remembered = () => rowsOf(db, sql`select kind from import_origin order by kind`);
  expect(await remembered()).toEqual([{ kind: "organization" }, { kind: "project" }, { kind: "team" }, { kind: "user" }, { kind: "user" }]);
  await inTransaction(db, "test", (tx) => eraseScope(tx, { kind: "organization", id: 1n }, testEraser, new Map()));
  expect(await remembered()).toEqual([{ kind: "user" }, { kind: "user" }]);
  await inTransaction(db, "test", (tx) => purgeUsers(tx, [1n], testEraser));
  expect(await rowsOf(db, sql`select id from import_origin`)).toEqual([{ id: "2" }]);
});

test("a reference to what is not in the file is skipped, and never means an id here", async ({ own: db }) => {
  await importRecords(db, [record("auth.user", 1, { username: "ann" })]);
  const { skipped } = await importRecords(
    db,
    [
      record("sentry.useroption", uuid(1), { user: uuid(2), key: "a", value: 1 }),
      record("sentry.useroption", 2, { user: 1, key: "a", value: 1 }),
      record("sentry.organizationoption", 3, { organization: 1, key: "a", value: 1 }),
    ],
    asNew,
  );
  expect(skipped.map(({ reason, examples }) => [reason, examples])).toEqual([
    ["its user is neither in the file nor here", [`sentry.useroption ${uuid(1)} (record 1)`, "sentry.useroption 2 (record 2)"]],
    ["its organization is not in the file", ["sentry.organizationoption 3 (record 3)"]],
  ]);
});

describe("a custom user model with addresses of allauth", () => {
  const expected = [{ username: "eve", external_id: uuid(1), email: "eve@example.com", is_verified: true, groups: "Staff" }];
  const query = sql`select u.username, u.external_id, e.email, e.is_verified, r.name as groups from users u
    join user_email e on e.user_id = u.id join role_member m on m.user_id = u.id join role r on r.id = m.role_id`;
  const xml = `<?xml version="1.0" encoding="utf-8"?><django-objects version="1.0">
    <object model="auth.group" pk="5"><field name="name" type="CharField">Staff</field></object>
    <object model="people.person" pk="${uuid(1)}"><field name="password" type="CharField"></field><field name="last_login" type="DateTimeField"><None></None></field>
      <field name="username" type="CharField">eve</field><field name="email" type="CharField">eve@example.com</field>
      <field name="groups" rel="ManyToManyRel" to="auth.group"><object pk="5"></object></field></object>
    <object model="account.emailaddress" pk="1"><field name="user" rel="ManyToOneRel" to="people.person">${uuid(1)}</field>
      <field name="email" type="CharField">eve@example.com</field><field name="verified" type="BooleanField">True</field><field name="primary" type="BooleanField">True</field></object>
  </django-objects>`;
  const yaml = `- model: auth.group\n  pk: 5\n  fields: {name: Staff}\n- model: people.person\n  pk: ${uuid(1)}
  fields: {password: '', last_login: null, username: eve, email: eve@example.com, groups: [5]}\n- model: account.emailaddress\n  pk: 1
  fields: {user: ${uuid(1)}, email: eve@example.com, verified: true, primary: true}\n`;
  const json = [
    record("auth.group", 5, { name: "Staff" }),
    record("people.person", uuid(1), { password: "", last_login: null, username: "eve", email: "eve@example.com", groups: [5] }),
    record("account.emailaddress", 1, { user: uuid(1), email: "eve@example.com", verified: true, primary: true }),
  ];
  test.for<[string, string | readonly unknown[]]>([
    ["JSON", json],
    ["XML", xml],
    ["YAML", yaml],
  ])("in %s", async ([, file], { own: db }) => {
    await importRecords(db, file, asNew);
    expect(await rowsOf(db, query)).toEqual(expected);
    const before = await stateOf(db);
    await importRecords(db, file, asNew);
    expect(await stateOf(db)).toEqual(before);
  });
});

describe("users without keys (--natural-primary)", () => {
  const file = [
    record("auth.group", undefined, { name: "Editors", permissions: [] }),
    record("auth.user", undefined, {
      username: "ann",
      email: "ann@example.com",
      groups: [["Editors"]],
      user_permissions: [["add_post", "blog", "post"]],
    }),
    record("auth.user", undefined, { username: "bob", email: "", groups: [], user_permissions: [] }),
    record("account.emailaddress", 1, { user: ["ann"], email: "ann@example.com", verified: true, primary: true }),
  ];
  const query = sql`select u.username, (select json_agg(r.name) from role_member m join role r on r.id = m.role_id where m.user_id = u.id) as roles,
    (select json_agg(permission) from user_permission p where p.user_id = u.id) as permissions,
    (select json_agg(is_verified) from user_email e where e.user_id = u.id) as verified from users u order by u.username`;

  test.for<["keep" | "new"]>([["keep"], ["new"]])("are known by name, with what they have (--ids %s)", async ([ids], { own: db }) => {
    const report = await importRecords(db, file, { ids });
    expect(report).toMatchObject({ skipped: [], remapped: [] });
    expect(await rowsOf(db, query)).toEqual([
      { username: "ann", roles: ["Editors"], permissions: ["blog.add_post"], verified: [true] },
      { username: "bob", roles: null, permissions: null, verified: null },
    ]);
    const before = await stateOf(db);
    expect(countsOf(await importRecords(db, file, { ids }), "auth.user")).toEqual(all("unchanged", 2));
    expect(await stateOf(db)).toEqual(before);
  });

  test("one whose name is somebody's here is a conflict", async ({ own: db }) => {
    await importRecords(db, [record("auth.user", 9, { username: "bob" })]);
    const lines: ReportLine[] = [];
    const report = await importRecords(db, file, { onLine: (line) => void lines.push(line) });
    // Numbers stand for the names inside of an import only.
    expect(report.conflicts).toMatchObject([{ pk: null, name: "bob", nameHere: null, idHere: "9" }]);
    expect(formatReport(report)).toContain('  auth.user "bob" (record 3): "bob" is user 9 here');
    expect(JSON.stringify([report, lines])).not.toMatch(/-\d{19}/);
  });
});
