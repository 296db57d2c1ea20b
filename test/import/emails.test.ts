import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportEmail, exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const verified = sql`select user_id, is_verified from user_email order by user_id, id`;
const shared = (pk: number, isVerified: boolean) => exportEmail(pk, { email: "shared@example.com", is_verified: isVerified });
const LOST = "unverified: the address is verified for another user, who keeps it";

describe("addresses of a file", () => {
  test("the primary address of a user without a record of it is added, unverified", async ({ own: db }) => {
    const file = [exportUser(1), exportUser(2), exportEmail(2, { email: "USER-2@example.com", is_verified: true })];
    const report = await importRecords(db, file);
    expect(await rowsOf(db, sql`select user_id, email, is_verified from user_email order by user_id`)).toEqual([
      { user_id: "1", email: "user-1@example.com", is_verified: false },
      { user_id: "2", email: "USER-2@example.com", is_verified: true },
    ]);
    expect(countsOf(report, "sentry.useremail")).toEqual(all("created", 1));
    expect(report.notes).toEqual([
      { reason: "the primary address was added to the addresses, unverified", count: 1, examples: ["user 1"] },
    ]);
    const before = await stateOf(db);
    expect((await importRecords(db, file)).notes).toEqual([]);
    expect(await stateOf(db)).toEqual(before);
  });

  test("new users, and users here with a new address or another name, are searched by what they have now", async ({ own: db }) => {
    const searched = sql<{ lines: string }>`select user_id, lines from user_search order by user_id`;
    const outdated = sql`select u.id from users u left join user_search s on s.user_id = u.id where s.lines is distinct from user_search_lines(u)`;
    await importRecords(db, [exportUser(1), exportEmail(1)]);
    const further = [exportEmail(1, { email: "other@example.com" }), exportUser(3, { email: "" })];
    await importRecords(db, [exportUser(1, { name: "Somebody Else" }), exportUser(2), exportEmail(2), ...further], { overwrite: true });
    expect(await rowsOf(db, outdated)).toEqual([]);
    const lines = (await rowsOf(db, searched)).map((row) => row.lines.split("\n").slice(1, -1).join());
    expect(lines).toEqual([
      "somebody else,user-1,other@example.com,user-1@example.com",
      expect.stringMatching(/,user-2,user-2@example\.com$/),
      expect.stringMatching(/,user-3$/),
    ]);
    await sql`insert into user_email (user_id, email, email_canonical) values (3, 'late@example.com', 'late@example.com')`.execute(db.sql);
    expect(await rowsOf(db, outdated)).toEqual([]);
  });

  test("of two verified uses of one address the lowest user id keeps it, the others are listed", async ({ own: db }) => {
    const file = [exportUser(5), exportUser(3), exportUser(4), shared(5, true), shared(3, true), shared(4, true)];
    for (const outcome of ["created", "unchanged"] as const) {
      const report = await importRecords(db, file);
      expect(countsOf(report, "sentry.useremail")).toEqual(all(outcome, 3));
      expect(report.notes.find(({ reason }) => reason === LOST)).toEqual({
        reason: LOST,
        count: 2,
        examples: ["user 5; user 3 keeps it", "user 4; user 3 keeps it"],
      });
    }
    expect(await rowsOf(db, sql`select user_id from user_email where is_verified`)).toEqual([{ user_id: "3" }]);
  });

  test("no file takes a verified address from an account here, not even for a lower id", async ({ own: db }) => {
    const here = [exportUser(5, { email: "" }), shared(5, true)];
    await importRecords(db, here);
    const lower = [exportUser(3, { email: "" }), shared(3, true)];
    const report = await importRecords(db, lower, { overwrite: true });
    expect(report.notes).toContainEqual({ reason: LOST, count: 1, examples: ["user 3; user 5 keeps it"] });
    await importRecords(db, [...lower, ...here], { overwrite: true });
    await importRecords(db, [exportUser(9, { email: "" }), shared(9, true)]);
    expect(await rowsOf(db, verified)).toEqual([
      { user_id: "3", is_verified: false },
      { user_id: "5", is_verified: true },
      { user_id: "9", is_verified: false },
    ]);
  });

  test("a verification that moves from one user to another within one file moves", async ({ own: db }) => {
    const users = [exportUser(3, { email: "" }), exportUser(5, { email: "" })];
    await importRecords(db, [...users, shared(3, true), shared(5, false)]);
    await importRecords(db, [...users, shared(3, false), shared(5, true)]);
    expect(await rowsOf(db, verified)).toEqual([
      { user_id: "3", is_verified: false },
      { user_id: "5", is_verified: true },
    ]);
  });

  test("an empty address is skipped, one that differs only in case is the same", async ({ own: db }) => {
    const report = await importRecords(db, [
      exportUser(1, { email: "" }),
      exportEmail(1, { email: "" }),
      exportEmail(2, { user: 1, email: "A@example.com", is_verified: true }),
      exportEmail(3, { user: 1, email: "a@example.com" }),
    ]);
    expect(report.skipped.map(({ reason, examples }) => [reason, ...examples])).toEqual([
      ["email is empty", "sentry.useremail 1 (record 2)"],
      ["the user has the address twice: a verified one stands, else the highest pk", "sentry.useremail 3 (record 4)"],
    ]);
    expect(await rowsOf(db, sql`select id, email from user_email`)).toEqual([{ id: "2", email: "A@example.com" }]);
  });

  test("a pk that is taken by another address gets a new one", async ({ own: db }) => {
    await importRecords(db, [exportUser(1, { email: "" }), exportEmail(1)]);
    await importRecords(db, [exportUser(2, { email: "" }), exportEmail(1, { user: 2, email: "other@example.com" })]);
    expect(await rowsOf(db, sql`select id, user_id from user_email order by id`)).toEqual([
      { id: "1", user_id: "1" },
      { id: "2", user_id: "2" },
    ]);
  });

  test("an address without a token has no hash, and one without a time is new", async ({ own: db }) => {
    const { validation_hash: _, date_hash_added: __, ...fields } = exportEmail(1).fields;
    await importRecords(db, [exportUser(1), { ...exportEmail(1), fields }]);
    expect(
      await rowsOf(
        db,
        sql`select verification_hash, verification_hash_time, date_added > now() - interval '1 hour' as recent from user_email`,
      ),
    ).toEqual([{ verification_hash: null, verification_hash_time: null, recent: true }]);
  });
});
