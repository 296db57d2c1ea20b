import { sql } from "kysely";
import { expect } from "vitest";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const users = [1, 2].map((pk) => ({ model: "sentry.user", pk, fields: { username: `u${pk}`, email: "" } }));
const record = (model: string, pk: number, fields: object) => ({ model: `sentry.${model}`, pk, fields });

const records = [
  record("identity", 1, { user: ["u1"], idp: 7, external_id: "x1", data: '{"token": "t"}', date_added: "2020-01-01T00:00:00Z" }),
  record("identity", 2, { user: 2, idp: 7, external_id: "x1" }),
  record("identity", 3, { user: 2, idp: 8, external_id: "x2" }),
  record("identityprovider", 7, { type: "slack", external_id: "T1", config: { name: "Team" } }),
  record("authprovider", 3, { organization: 5, provider: "saml2", config: {} }),
  record("authidentity", 1, { user: 1, auth_provider: 3, ident: "me", data: {}, last_verified: "2021-01-01T00:00:00Z" }),
  record("userrole", 4, { name: "Readers", permissions: "['b.read', 'a.read', 'a.read']" }),
  record("userroleuser", 1, { user: 1, role: 4 }),
  record("userroleuser", 2, { user: 1, role: 9 }),
  record("userip", 1, { user: 1, ip_address: "2001:DB8::0:1" }),
  record("userip", 2, { user: 1, ip_address: "2001:db8::1" }),
  record("userip", 3, { user: 1, ip_address: "nowhere" }),
  record("authenticator", 1, { user: 1, type: 1, config: '{"secret": "s"}' }),
  record("authenticator", 2, { user: 1, type: 7, config: "" }),
  record("userpermission", 1, { user: 1, permission: "a.b" }),
  record("userpermission", 2, { user: 99, permission: "a.b" }),
  record("email", 1, { email: "somebody@example.com", date_added: "2020-01-01T00:00:00Z" }),
  ...users,
];

test("what belongs to users is stored; what can't be is counted with its reason", async ({ own: db }) => {
  const report = await importRecords(db, records);
  expect(countsOf(report, "sentry.identity")).toEqual({ ...all("created", 3), created: 1, skipped: 2 });
  expect(countsOf(report, "sentry.authidentity")).toEqual(all("created", 1));
  expect(countsOf(report, "sentry.userroleuser")).toEqual({ ...all("created", 2), created: 1, skipped: 1 });
  expect(countsOf(report, "sentry.userip")).toEqual({ ...all("created", 3), created: 1, skipped: 2 });
  expect(countsOf(report, "sentry.authenticator")).toEqual({ ...all("created", 2), created: 1, skipped: 1 });
  expect(countsOf(report, "sentry.userpermission")).toEqual({ ...all("created", 2), created: 1, skipped: 1 });
  expect(report.notHeld).toEqual([{ name: "sentry.email", count: 1 }]);
  expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual(
    expect.arrayContaining([
      ["its external id is linked to another user", 1],
      ["what it links the user to is not in the file", 2],
      ["the user has it twice: the highest pk stands", 1],
      ["its user is neither in the file nor here", 1],
      ["ip_address is not an IP address", 1],
      ["type is not 0, 1, 2 or 3", 1],
    ]),
  );
  expect(await rowsOf(db, sql`select permission from role_permission order by 1`)).toEqual([
    { permission: "a.read" },
    { permission: "b.read" },
  ]);
  expect(await rowsOf(db, sql`select user_id, external_id, data from identity`)).toEqual([{ user_id: "2", external_id: "x1", data: null }]);
});

test("the same belongings again change nothing, and others change what differs", async ({ own: db }) => {
  await importRecords(db, records);
  const before = await stateOf(db);
  const again = await importRecords(db, records);
  expect(again.models.map(({ created, updated }) => created + updated)).toEqual(again.models.map(() => 0));
  expect(await stateOf(db)).toEqual(before);
  const changed = await importRecords(db, [
    ...users,
    record("userrole", 11, { name: "Readers", permissions: "['a.read', 'c.read']" }),
    record("authenticator", 5, { user: 1, type: 1, config: '{"secret": "new"}' }),
  ]);
  expect(countsOf(changed, "sentry.userrole")).toEqual(all("updated", 1));
  expect(countsOf(changed, "sentry.authenticator")).toEqual(all("updated", 1));
  expect(await rowsOf(db, sql`select permission from role_permission order by 1`)).toEqual([
    { permission: "a.read" },
    { permission: "c.read" },
  ]);
});

test("identities and the providers of organizations come in with all their fields; what is left has a reason", async ({ own: db }) => {
  const file = [
    ...users,
    record("identityprovider", 7, { type: "slack", external_id: "T1" }),
    record("identity", 1, { user: 1, idp: 7, external_id: "x1", scopes: "['a.read', 'b']", status: 2 }),
    record("identity", 2, { user: 2, idp: 7, external_id: "x2", scopes: ["x".repeat(201)], status: 1 }),
    record("authprovider", 3, {
      organization_id: 5,
      provider: "okta",
      default_role: 50,
      default_global_access: true,
      flags: "6",
      default_teams: [1],
      sync_time: null,
      last_sync: "2021-01-01T00:00:00Z",
    }),
    record("authidentity", 1, { user: 1, auth_provider: 3, ident: "me", last_synced: "2021-01-02T00:00:00Z" }),
  ];
  const report = await importRecords(db, file);
  expect(await rowsOf(db, sql`select user_id, scopes, status from identity`)).toEqual([
    { user_id: "1", scopes: ["a.read", "b"], status: 2 },
  ]);
  expect(await rowsOf(db, sql`select default_role, default_global_access, flags from auth_provider`)).toEqual([
    { default_role: 50, default_global_access: true, flags: "6" },
  ]);
  expect(await rowsOf(db, sql`select sync_time from auth_identity`)).toEqual([{ sync_time: new Date("2021-01-02T00:00:00Z") }]);
  expect(report.skipped.map(({ reason }) => reason)).toEqual(["scopes is longer than 200 characters"]);
  expect(report.unknownFields.map(({ name, reason }) => [name, reason])).toEqual([
    ["sentry.authprovider.default_teams", "userd puts nobody into a team by itself"],
    ["sentry.authprovider.last_sync", "it is the state of Sentry's own job, which userd does not run"],
    ["sentry.authprovider.sync_time", "it is the state of Sentry's own job, which userd does not run"],
  ]);
  expect((await importRecords(db, file)).models.map(({ created, updated }) => created + updated)).toEqual([0, 0, 0, 0, 0]);
});

test("U39 a file can't deactivate the system user", async ({ own: db }) => {
  const sentry = (is_active: boolean) => ({ model: "sentry.user", pk: 1, fields: { username: "sentry", email: "", is_active } });
  await importRecords(db, [sentry(true)]);
  const report = await importRecords(db, [sentry(false)]);
  expect(countsOf(report, "sentry.user")).toEqual(all("unchanged", 1));
  expect(report.notes).toMatchObject([{ reason: "the system user stays active", count: 1 }]);
});
