import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const usernames = sql`select id, username from users order by id`;

describe("users of a file", () => {
  test.for([null, "", "  "])("a blank username (%j) is the address (U1)", async (username, { own: db }) => {
    await importRecords(db, [exportUser(4, { username, email: "Ann@example.com" })]);
    expect(await rowsOf(db, sql`select username, username_canonical, email from users`)).toEqual([
      { username: "Ann@example.com", username_canonical: "ann@example.com", email: "Ann@example.com" },
    ]);
  });

  test("an empty or absent address is no address", async ({ own: db }) => {
    const { email: _, ...withoutEmail } = exportUser(5).fields;
    await importRecords(db, [exportUser(4, { email: "" }), { ...exportUser(5), fields: withoutEmail }]);
    expect(await rowsOf(db, sql`select id, email from users order by id`)).toEqual([
      { id: "4", email: "" },
      { id: "5", email: "" },
    ]);
    expect(await rowsOf(db, sql`select * from user_email`)).toEqual([]);
  });

  test("a user without username and address is skipped, and so is what refers to it", async ({ own: db }) => {
    const report = await importRecords(db, [exportUser(1, { username: null, email: "" }), exportOption(1)]);
    expect(countsOf(report, "sentry.user")).toEqual(all("skipped", 1));
    expect(report.skipped).toEqual([
      { reason: "it has no username and no address", count: 1, examples: ["sentry.user 1 (record 1)"] },
      { reason: "its user was skipped", count: 1, examples: ["sentry.useroption 1 (record 2)"] },
    ]);
  });

  test("of usernames that differ only in case the lowest pk keeps the name, the others get a free suffix", async ({ own: db }) => {
    const file = [
      exportUser(9, { username: "ANN" }),
      exportUser(7, { username: "ann" }),
      exportUser(3, { username: "Ann" }),
      exportUser(4, { username: "ann-2" }),
    ];
    const report = await importRecords(db, file);
    expect(await rowsOf(db, usernames)).toEqual([
      { id: "3", username: "Ann" },
      { id: "4", username: "ann-2" },
      { id: "7", username: "ann-3" },
      { id: "9", username: "ANN-4" },
    ]);
    expect(report.notes).toContainEqual({
      reason: "renamed: another user has its username",
      count: 2,
      examples: ["user 9 got the suffix -4, since user 3 has the name", "user 7 got the suffix -3, since user 3 has the name"],
    });
    const before = await stateOf(db);
    expect(countsOf(await importRecords(db, file), "sentry.user")).toEqual(all("unchanged", 4));
    expect(await stateOf(db)).toEqual(before);
  });

  test("a renamed user is still found by its natural key", async ({ own: db }) => {
    await importRecords(db, [
      exportUser(3, { username: "Ann" }),
      exportUser(7, { username: "ann" }),
      exportOption(1, { user: ["ann"], value: '"seven"' }),
      exportOption(2, { user: ["Ann"], value: '"three"' }),
      exportOption(3, { user: ["ANN"], key: "other" }),
    ]);
    expect(await rowsOf(db, sql`select user_id, key, value from user_option order by id`)).toEqual([
      { user_id: "7", key: "timezone", value: "seven" },
      { user_id: "3", key: "timezone", value: "three" },
      { user_id: "3", key: "other", value: "Europe/Vienna" },
    ]);
  });

  test("an existing user is updated only where the file says something else", async ({ own: db }) => {
    const { is_staff: _, session_nonce: __, ...fields } = exportUser(2, { name: "Bo" }).fields;
    await importRecords(db, [exportUser(2, { is_staff: true, session_nonce: "nonce" })]);
    const report = await importRecords(db, [{ model: "sentry.user", pk: 2, fields: { ...fields, username: "USER-2" } }]);
    expect(countsOf(report, "sentry.user")).toEqual(all("updated", 1));
    expect(await rowsOf(db, sql`select username, name, is_staff, session_nonce, version from users`)).toEqual([
      { username: "USER-2", name: "Bo", is_staff: true, session_nonce: "nonce", version: 2 },
    ]);
    expect(await rowsOf(db, sql`select changed_columns from changes where operation = 'update'`)).toEqual([
      { changed_columns: ["username", "name", "name_canonical"] },
    ]);
  });

  test("an explicit null clears, an absent field does not", async ({ own: db }) => {
    await importRecords(db, [exportUser(2, { session_nonce: "nonce" })]);
    await importRecords(db, [exportUser(2, { session_nonce: null })]);
    expect(await rowsOf(db, sql`select session_nonce from users`)).toEqual([{ session_nonce: null }]);
  });

  test("a user whose address the file leaves out keeps it", async ({ own: db }) => {
    await importRecords(db, [exportUser(2)]);
    const { email: _, ...fields } = exportUser(2, { name: "Bo" }).fields;
    const report = await importRecords(db, [{ model: "sentry.user", pk: 2, fields }]);
    expect(countsOf(report, "sentry.user")).toEqual(all("updated", 1));
    expect(await rowsOf(db, sql`select u.email, e.email as address from users u join user_email e on e.user_id = u.id`)).toEqual([
      { email: "user-2@example.com", address: "user-2@example.com" },
    ]);
  });

  test("when a user was last seen never goes back", async ({ own: db }) => {
    await importRecords(db, [exportUser(2, { last_active: "2026-01-01T00:00:00Z", last_login: null })]);
    const report = await importRecords(db, [exportUser(2, { last_active: "2020-01-01T00:00:00Z", last_login: "2025-01-01T00:00:00Z" })]);
    expect(countsOf(report, "sentry.user")).toEqual(all("updated", 1));
    expect(await rowsOf(db, sql`select last_login, last_active from user_activity`)).toEqual([
      { last_login: new Date("2025-01-01T00:00:00Z"), last_active: new Date("2026-01-01T00:00:00Z") },
    ]);
    expect(await rowsOf(db, sql`select version from users`)).toEqual([{ version: 1 }]);
  });

  test("ids are kept and the sequences move past the largest, never back", async ({ own: db }) => {
    await importRecords(db, [exportUser(900), exportEmail(70, { user: 900 }), exportOption(50, { user: 900 })]);
    await importRecords(db, [exportUser(5)]);
    const next = sql`select nextval('users_id_seq') as users, nextval('user_email_id_seq') as emails, nextval('user_option_id_seq') as options`;
    expect(await rowsOf(db, next)).toEqual([{ users: "901", emails: "73", options: "51" }]);
  });

  test("of two records with one pk the last one stands", async ({ own: db }) => {
    const report = await importRecords(db, [exportUser(1, { name: "first" }), exportUser(1, { name: "last" })]);
    expect(countsOf(report, "sentry.user")).toEqual({ ...all("created", 2), created: 1, skipped: 1 });
    expect(await rowsOf(db, sql`select name from users`)).toEqual([{ name: "last" }]);
  });

  test("flags are a number or text", async ({ own: db }) => {
    await importRecords(db, [exportUser(1, { flags: "1" }), exportUser(2, { flags: 2 }), exportUser(3, { flags: "9007199254740993" })]);
    expect(await rowsOf(db, sql`select flags from users order by id`)).toEqual([
      { flags: "1" },
      { flags: "2" },
      { flags: "9007199254740993" },
    ]);
  });

  test("a username that is another user's address is kept and noted (U2)", async ({ own: db }) => {
    const report = await importRecords(db, [exportUser(1, { username: "user-2@example.com" }), exportUser(2)]);
    expect(report.notes).toContainEqual({ reason: "the username is an address of another user", count: 1, examples: ["user 1; user 2"] });
    expect(countsOf(report, "sentry.user")).toEqual(all("created", 2));
  });

  test("Django's own users come in", async ({ own: db }) => {
    const report = await importRecords(db, [
      {
        model: "auth.user",
        pk: 6,
        fields: {
          password: "!unusable",
          last_login: "2024-02-29 10:00:00.123456+01:00",
          is_superuser: true,
          username: "ann",
          first_name: "Ann",
          last_name: "Lee",
          email: "ann@example.com",
          is_staff: true,
          is_active: false,
          date_joined: "2024-01-01T00:00:00Z",
          groups: [],
          user_permissions: [],
        },
      },
    ]);
    expect(report.unknownFields).toEqual([]);
    expect(
      await rowsOf(db, sql`select id, username, name, is_staff, is_active, last_login from users join user_activity on user_id = id`),
    ).toEqual([
      { id: "6", username: "ann", name: "Ann Lee", is_staff: true, is_active: false, last_login: new Date("2024-02-29T09:00:00.123Z") },
    ]);
  });

  test("names and addresses have a canonical, whose version moves with what changes", async ({ own: db }) => {
    await importRecords(db, [exportUser(1), exportEmail(1)]);
    const canonicalNames = sql`select w.name, v.version from name_version v
      join unnest(array['user-1', 'user-1@example.com']) w (name) on v.digest = name_digest(w.name) order by 1`;
    expect(await rowsOf(db, canonicalNames)).toEqual([
      { name: "user-1", version: "1" },
      { name: "user-1@example.com", version: "1" },
    ]);
    await importRecords(db, [exportUser(1), exportEmail(1, { is_verified: true })]);
    expect(await rowsOf(db, canonicalNames)).toEqual([
      { name: "user-1", version: "1" },
      { name: "user-1@example.com", version: "2" },
    ]);
  });

  test("texts that are too long are reasons to skip, not to fail", async ({ own: db }) => {
    const report = await importRecords(db, [
      exportUser(1, { username: "x".repeat(129) }),
      exportUser(2, { name: "x".repeat(201) }),
      exportUser(3),
    ]);
    expect(report.skipped.map(({ reason }) => reason)).toEqual([
      "its username is longer than 128 characters",
      "name is longer than 200 characters",
    ]);
    expect(await rowsOf(db, usernames)).toEqual([{ id: "3", username: "user-3" }]);
  });
});
