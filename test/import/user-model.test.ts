import { createReadStream } from "node:fs";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { runImport } from "../../src/import/import.ts";
import { serviceWith } from "../options/service-with.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const record = (model: string, pk: number, fields: object) => ({ model, pk, fields });
const account = (model: string, pk: number, fields: object) =>
  record(model, pk, { password: "", last_login: null, email: `u${pk}@example.com`, ...fields });
const caseFile = () => createReadStream(new URL("./cases/03-custom-user-model.json", import.meta.url));

describe("a project's own model of users", () => {
  test("03 is found and named, with allauth's addresses and identities", async ({ own: db, ownUrl }) => {
    const report = await runImport(db, caseFile());
    expect(report).toMatchObject({ stored: true, notHeld: [], skipped: [] });
    for (const [model, count] of [
      ["users.user", 1],
      ["account.emailaddress", 2],
      ["socialaccount.socialaccount", 1],
    ] as const) {
      expect(countsOf(report, model)).toEqual(all("created", count));
    }
    expect(report.notes).toEqual([
      { reason: "this model holds the users (--user-model names another one)", count: 1, examples: ["users.user"] },
      { reason: "an identity provider that is only named was made", count: 1, examples: ["google"] },
    ]);
    expect(report.unknownFields.map(({ name }) => name)).toEqual(["users.user.theme"]);
    const before = await stateOf(db);
    expect((await runImport(db, caseFile())).models.every(({ read, unchanged }) => read === unchanged)).toBe(true);
    expect(await stateOf(db)).toEqual(before);

    await using service = await serviceWith(ownUrl, {});
    const { user } = await service.users.getUser({ id: 1n });
    expect(user).toMatchObject({
      id: 1n,
      username: "ann",
      name: "Ann Lee",
      email: "ann@example.com",
      isActive: true,
      hasUsablePassword: true,
    });
    expect(user?.dateJoined?.seconds).toBe(BigInt(Date.parse("2024-01-02T03:04:05Z") / 1_000));
    expect(user?.emails.map(({ email, isVerified, isPrimary }) => ({ email, isVerified, isPrimary }))).toEqual([
      { email: "ann@example.com", isVerified: true, isPrimary: true },
      { email: "ann@work.example", isVerified: false, isPrimary: false },
    ]);
    expect(
      await rowsOf(
        db,
        sql`select i.user_id, p.type, i.external_id, i.data, i.verify_time from identity i join identity_provider p on p.id = i.provider_id`,
      ),
    ).toEqual([
      {
        user_id: "1",
        type: "google",
        external_id: "1089",
        data: { email: "ann@example.com" },
        verify_time: new Date("2024-02-01T00:00:00Z"),
      },
    ]);
  });

  test("has its fields under several names, groups and permissions, and natural keys of either kind", async ({ own: db }) => {
    const report = await importRecords(db, [
      // A reference before the user that it means, which is known by its address.
      record("account.emailaddress", 1, { user: ["bob@example.com"], email: "bob@example.com", verified: true, primary: true }),
      record("socialaccount.socialapp", 1, {
        provider: "openid_connect",
        provider_id: "keycloak",
        name: "KC",
        client_id: "c",
        secret: "s",
      }),
      record("socialaccount.socialaccount", 1, { user: 1, provider: "keycloak", uid: "k1", extra_data: { id: 1 } }),
      account("Accounts.Person", 1, {
        email: "bob@example.com",
        is_admin: true,
        created_at: "2020-01-01",
        full_name: "",
        first_name: "Bob",
        last_name: "B",
      }),
      account("accounts.person", 2, {
        username: "cid",
        email: null,
        name: "Cid",
        groups: [["Editors"]],
        user_permissions: [["add_post", "blog", "post"]],
      }),
      record("account.emailaddress", 2, { user: 2, email: "cid@example.com", verified: false, primary: true }),
      account("accounts.person", 3, { email: "", username: "" }),
      record("account.emailaddress", 3, { user: 3, email: "gone@example.com", verified: false, primary: true }),
      account("accounts.person", 4, { email: "dan@example.com" }),
      record("account.emailaddress", 4, { user: 4, email: "other@example.com", verified: true, primary: true }),
    ]);
    expect(countsOf(report, "accounts.person")).toEqual({ ...all("created", 4), created: 3, skipped: 1 });
    expect(countsOf(report, "accounts.person.groups")).toEqual(all("created", 1));
    expect(report.skipped.map(({ reason, examples }) => [reason, ...examples])).toEqual([
      ["it has no username and no address", "accounts.person 3 (record 7)"],
      ["its user was skipped", "account.emailaddress 3 (record 8)"],
    ]);
    expect(report.notes.map(({ reason, examples }) => [reason, ...examples])).toContainEqual([
      "marked as the primary address, but the user has another one, which stays",
      "account.emailaddress 4 (record 10)",
    ]);
    expect(
      await rowsOf(
        db,
        sql`select username, name, email, is_staff, date_joined = '2020-01-01Z' as old, array(select permission::text from user_permission p where p.user_id = u.id) as permissions from users u order by id`,
      ),
    ).toEqual([
      { username: "bob@example.com", name: "Bob B", email: "bob@example.com", is_staff: true, old: true, permissions: [] },
      { username: "cid", name: "Cid", email: "cid@example.com", is_staff: false, old: false, permissions: ["blog.add_post"] },
      { username: "dan@example.com", name: "", email: "dan@example.com", is_staff: false, old: false, permissions: [] },
    ]);
    expect(await rowsOf(db, sql`select type, external_id, config from identity_provider`)).toEqual([
      { type: "openid_connect", external_id: "keycloak", config: { client_id: "c", name: "KC" } },
    ]);
    expect(await rowsOf(db, sql`select user_id, external_id from identity`)).toEqual([{ user_id: "1", external_id: "k1" }]);
  });

  test("is told where a file has several that could be it", async ({ own: db }) => {
    const file = [account("shop.customer", 1, {}), account("users.user", 1, { email: "staff@example.com" })];
    await expect(importRecords(db, file)).rejects.toThrow(
      "The file has users of two models, shop.customer and users.user: --user-model says",
    );
    await expect(importRecords(db, [record("auth.user", 1, { username: "a" }), file[0]])).rejects.toThrow("auth.user and shop.customer");
    await expect(importRecords(db, file, { userModel: "users.usr" })).rejects.toThrow("The file has no record of users.usr.");
    await expect(importRecords(db, file, { userModel: "x'); drop table users; --" })).rejects.toThrow("takes the name of a model");
    expect(await rowsOf(db, sql`select id from users`)).toEqual([]);
    const report = await importRecords(db, file, { userModel: "Users.User" });
    expect(report.notHeld).toEqual([{ name: "shop.customer", count: 1 }]);
    expect(await rowsOf(db, sql`select email from users`)).toEqual([{ email: "staff@example.com" }]);
    const told = await importRecords(db, [record("auth.user", 1, { username: "a" }), record("members.member", 7, { username: "m" })], {
      userModel: "members.member",
    });
    expect(told.notHeld).toEqual([{ name: "auth.user", count: 1 }]);
    // What only looks a little like a user is none.
    const none = await importRecords(db, [record("mail.server", 1, { password: "x", username: "smtp" })]);
    expect(none.notHeld).toEqual([{ name: "mail.server", count: 1 }]);
  });
});
