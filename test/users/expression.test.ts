import fc from "fast-check";
import { describe, expect } from "vitest";
import { type User, UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { canonicalName } from "../../src/names/canonical.ts";
import { addVerifiedEmail, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { collect } from "../support/collect.ts";
import { expectRefusal } from "../support/errors.ts";
import { type Case, type CaseField, casesOf, combined, constants } from "../support/filter-cases.ts";
import { test as base, clientKinds } from "../support/service.ts";

const [role, permission] = [unique("role"), "app.change_thing"];

/** Users that differ: in what may be absent, in each flag, and in what stands in other tables. */
const test = base.extend("rows", { scope: "file" }, async ({ clients, db }): Promise<readonly User[]> => {
  const client = clients["grpc-js"];
  const { users } = client;
  await users.createRole({ role: { name: role, permissions: [permission] } });
  const ids: bigint[] = [];
  for (let index = 0; index < 10; index += 1) {
    const name = unique(["Ann", "ANN%"][index % 2]);
    const { id } = await createUser(client, {
      username: name,
      name: ["", `Ärger ${name}`, "X", "Na_me"][index % 4] ?? "",
      email: index % 3 === 0 ? "" : `${name.replace("%", "")}@Example.com`,
      ...(index % 2 === 0 && { externalId: unique("ext-") }),
      isActive: index !== 1,
      isStaff: index === 2,
      isSuperuser: index === 3,
      isManaged: index === 4,
      isUnclaimed: index === 5,
      isApp: index === 6,
      isPasswordExpired: index === 7,
    });
    ids.push(id);
    const day = new Date(Date.UTC(2020 + index, 0, 1));
    await db.sql.updateTable("users").set({ date_joined: day }).where("id", "=", id).execute();
    if (index % 2 === 1) await db.sql.insertInto("user_activity").values({ user_id: id, last_login: null, last_active: day }).execute();
    if (index % 4 === 1) await db.sql.updateTable("user_activity").set({ last_login: day }).where("user_id", "=", id).execute();
  }
  const [first = 0n, second = 0n, third = 0n, fourth = 0n, last = 0n] = [...ids.slice(0, 4), ...ids.slice(-1)];
  await users.suspendUser({ id: first });
  await addVerifiedEmail(client, second);
  await users.assignRole({ userId: third, roleName: role });
  await users.grantPermission({ userId: fourth, permission });
  await users.setPassword({ userId: fourth, password: unique("Secret ") });
  await users.deleteUser({ id: last });
  return (await users.listUsers({ filter: { userIds: ids }, showDeleted: true, view: UserView.FULL })).users;
});

const field = (name: string, type: CaseField<User>["type"], of: (row: User) => unknown, more: Partial<CaseField<User>> = {}) => ({
  name,
  type,
  isNullable: false,
  of,
  ...more,
});
const [folded, nullable] = [{ fold: canonicalName }, { isNullable: true }];

const ofList = (name: string, of: (row: User) => readonly string[], rows: readonly User[], fold = (text: string) => text): Case<User>[] => [
  ...["none", ...new Set(rows.flatMap(of))].map((value) => ({
    text: `${JSON.stringify(value)} in ${name}`,
    isMet: (row: User) => of(row).some((one) => fold(one) === fold(value)),
  })),
  { text: `has(${name})`, isMet: (row) => of(row).length > 0 },
];

const allCases = (rows: readonly User[]): readonly Case<User>[] => [
  ...[
    field("id", "number", ({ id }) => id),
    field("username", "text", ({ username }) => username, folded),
    field("name", "text", ({ name }) => name, folded),
    field("email", "text", ({ email }) => email || undefined, { ...folded, ...nullable }),
    field("external_id", "text", ({ externalId }) => externalId, nullable),
    field("is_active", "boolean", ({ isActive }) => isActive),
    field("is_staff", "boolean", ({ isStaff }) => isStaff),
    field("is_superuser", "boolean", ({ isSuperuser }) => isSuperuser),
    field("is_managed", "boolean", ({ isManaged }) => isManaged),
    field("is_unclaimed", "boolean", ({ isUnclaimed }) => isUnclaimed),
    field("is_suspended", "boolean", ({ isSuspended }) => isSuspended),
    field("is_app", "boolean", ({ isApp }) => isApp),
    field("is_password_expired", "boolean", ({ isPasswordExpired }) => isPasswordExpired),
    field("date_joined", "time", ({ dateJoined }) => dateJoined),
    field("last_login", "time", ({ lastLogin }) => lastLogin, nullable),
    field("last_active", "time", ({ lastActive }) => lastActive, nullable),
    field("last_password_change", "time", ({ lastPasswordChange }) => lastPasswordChange, nullable),
    field("delete_time", "time", ({ deleteTime }) => deleteTime, nullable),
  ].flatMap((one) => casesOf(one, rows)),
  ...ofList("emails", ({ emails }) => emails.map(({ email }) => email), rows, canonicalName),
  ...ofList("permissions", ({ permissions }) => permissions, rows),
  ...ofList("role_names", ({ roleNames }) => roleNames, rows),
];

const walk = async ({ users }: Clients, expression: string, more: object): Promise<bigint[]> => {
  const ids: bigint[] = [];
  let pageToken = "";
  do {
    const page = await users.listUsers({ filter: { expression }, pageToken, showDeleted: true, ...more });
    ids.push(...page.users.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return ids;
};

const among = (rows: readonly User[], { text }: Case<User>) => `id in [${rows.map(({ id }) => id).join(", ")}] && ${text}`;

test("each term lists the users that meet it, and its negation all others", { timeout: 120_000 }, async ({ clients, rows }) => {
  for (const one of [...allCases(rows), ...constants]) {
    const others = { text: `!(${one.text})`, isMet: (row: User) => !one.isMet(row) };
    for (const { text, isMet } of [one, others]) {
      const found = await walk(clients["grpc-js"], among(rows, { text, isMet }), {});
      expect([text, found]).toEqual([text, rows.filter(isMet).map(({ id }) => id)]);
    }
  }
});

test("terms in groups list what a naive filter does, page by page in any order", { timeout: 120_000 }, async ({ clients, rows }) => {
  await fc.assert(
    fc.asyncProperty(
      combined(allCases(rows)),
      fc.constantFrom("id", "id desc", "date_joined", "date_joined desc"),
      async (one, orderBy) => {
        const expected = rows.filter(one.isMet).map(({ id }) => id);
        const found = await walk(clients["grpc-js"], among(rows, one), { orderBy, pageSize: 3 });
        expect(found).toEqual(orderBy.endsWith("desc") ? expected.toReversed() : expected);
      },
    ),
    { numRuns: 150 },
  );
});

describe.for(clientKinds)("an expression in a filter of users, through %s", { concurrent: true }, (kind) => {
  test("is met beside the other fields and the search, by each list", async ({ clients, rows }) => {
    const { users } = clients[kind];
    const [, second, third, fourth] = rows.map(({ id }) => id);
    const filter = { expression: `id > ${second}`, userIds: [second, third, fourth].map((id = 0n) => id) };
    expect((await users.listUserIds({ filter })).ids).toEqual([third, fourth]);
    expect((await users.listUserIds({ filter, search: "is:superuser" })).ids).toEqual([fourth]);
    expect((await users.listUserIds({ filter: { expression: " ", userIds: [third as bigint] } })).ids).toEqual([third]);
    const streamed = await collect(users.streamUsers({ filter }));
    expect(streamed.map(({ user }) => user?.id)).toEqual([third, fourth]);
    const { nextPageToken: pageToken } = await users.listUsers({ filter, pageSize: 1 });
    const another = users.listUsers({ filter: { ...filter, expression: "id > 0" }, pageSize: 1, pageToken });
    await expectRefusal(another, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });

  test("that can't be read, or that no index serves, is refused", async ({ clients, rows }) => {
    const { users } = clients[kind];
    const lists = [
      (expression: string) => users.listUsers({ filter: { expression } }),
      (expression: string) => users.listUserIds({ filter: { expression } }),
      (expression: string) => collect(users.streamUsers({ filter: { expression } })),
    ];
    for (const [expression, says] of [
      ["is_staff &&\n nothing", "filter at line 2, column 2: no field that filters can name; filters can name id, username, name, email"],
      ["password == ''", "filter at line 1, column 1: no field that filters can name"],
      ["session_nonce == ''", "filter at line 1, column 1: no field that filters can name"],
      ["flags == 1", "filter at line 1, column 1: no field that filters can name"],
    ] as const) {
      for (const list of lists) {
        const { error, fields } = await expectRefusal(list(expression), "InvalidArgument", "FIELD_INVALID");
        expect(error.rawMessage).toContain(says);
        expect(fields).toEqual(["filter"]);
      }
    }
    for (const list of lists) await expectRefusal(list("x".repeat(4_097)), "InvalidArgument", "FIELD_INVALID");
    const moment = 'timestamp("2026-01-01T00:00:00Z")';
    const unserved = [
      "name.contains('ab')",
      "external_id.contains('abc')",
      `last_active < ${moment}`,
      `is_staff || last_login >= ${moment}`,
      "!(name.contains('ab'))",
      "!(!name.contains('ab') && true)",
      "!(!external_id.contains('abc') || false)",
      `!(!(last_active < ${moment}) && true)`,
      "!(has(last_active) && true)",
      `!(is_staff && last_active < ${moment})`,
      "!(is_staff) && name.contains('ab')",
    ];
    for (const expression of unserved) {
      for (const list of lists) {
        const { error, fields } = await expectRefusal(list(expression), "FailedPrecondition", "QUERY_NOT_INDEXED");
        expect(error.rawMessage).toMatch(/^filter at line 1, column \d+: no index serves it: a part of a text needs 3 characters/);
        expect(fields).toEqual(["filter"]);
      }
    }
    for (const expression of [`last_active < ${moment}`, `!(!(last_active < ${moment}) && true)`]) {
      expect((await users.listUserIds({ filter: { expression, userIds: [rows[1]?.id ?? 0n] } })).ids).toEqual([rows[1]?.id]);
    }
    const apart = `!(id != ${rows[1]?.id} || !(!(id == ${rows[1]?.id})) && false || !(last_active < ${moment}))`;
    await expectRefusal(users.listUserIds({ filter: { expression: apart } }), "FailedPrecondition", "QUERY_NOT_INDEXED");
    const within = `!(!(id == ${rows[1]?.id}) || !(last_active < ${moment}))`;
    expect((await users.listUserIds({ filter: { expression: within } })).ids).toEqual([rows[1]?.id]);
  });
});
