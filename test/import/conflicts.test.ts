import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const here = [exportUser(1, { username: "ann" }), exportUser(2, { username: "bob" })];
/** User 1 is somebody else here; `bob` has another id here; user 5 is new. */
const file = [
  exportUser(1, { username: "carol", email: "carol@example.com" }),
  exportUser(4, { username: "Bob" }),
  exportUser(5, { username: "dan" }),
  exportOption(1, { user: 1 }),
  exportOption(2, { user: ["Bob"] }),
  exportOption(3, { user: 5 }),
  exportOption(4, { user: 2, key: "of-bob-here" }),
  exportEmail(1, { user: ["carol"], email: "carol@example.com" }),
];
const conflicts = [
  { kind: "user", model: "sentry.user", record: 1, pk: "1", name: "carol", nameHere: "ann", idHere: null },
  { kind: "user", model: "sentry.user", record: 2, pk: "4", name: "Bob", nameHere: null, idHere: "2" },
];

describe("conflicts", () => {
  test("fail: all conflicts are listed, nothing is stored", async ({ own: db }) => {
    await importRecords(db, here);
    const before = await stateOf(db);
    expect(await importRecords(db, file)).toMatchObject({ stored: false, conflicts, remapped: [] });
    expect(await stateOf(db)).toEqual(before);
  });

  test("all conflicts are listed, however many", async ({ own: db }) => {
    const users = (prefix: string) => Array.from({ length: 60 }, (_, index) => exportUser(index + 1, { username: `${prefix}${index}` }));
    await importRecords(db, users("here-"));
    expect((await importRecords(db, users("there-"))).conflicts).toHaveLength(60);
  });

  test("skip: such users are left out and counted, and so is what refers to them", async ({ own: db }) => {
    await importRecords(db, here);
    const report = await importRecords(db, file, { onConflict: "skip" });
    expect(report).toMatchObject({ stored: true, conflicts });
    expect(countsOf(report, "sentry.user")).toEqual({ ...all("created", 3), created: 1, skipped: 2 });
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["a conflict: its id or name belongs to another one here", 2],
      ["its user was skipped", 3],
    ]);
    expect(await rowsOf(db, sql`select id, username from users order by id`)).toEqual([
      { id: "1", username: "ann" },
      { id: "2", username: "bob" },
      { id: "5", username: "dan" },
    ]);
    expect(await rowsOf(db, sql`select user_id, key from user_option order by user_id`)).toEqual([
      { user_id: "2", key: "of-bob-here" },
      { user_id: "5", key: "timezone" },
    ]);
  });

  test("remap: they get new ids and names, and no account here is touched; importing again changes nothing", async ({ own: db }) => {
    await importRecords(db, here);
    const report = await importRecords(db, file, { onConflict: "remap" });
    expect(report.remapped).toEqual([
      { kind: "user", pk: "1", id: "6" },
      { kind: "user", pk: "4", id: "7" },
    ]);
    expect(countsOf(report, "sentry.user")).toEqual({ ...all("created", 3), created: 3 });
    expect(await rowsOf(db, sql`select id, username from users order by id`)).toEqual([
      { id: "1", username: "ann" },
      { id: "2", username: "bob" },
      { id: "5", username: "dan" },
      { id: "6", username: "carol" },
      { id: "7", username: "Bob-2" },
    ]);
    expect(await rowsOf(db, sql`select user_id, key from user_option order by user_id, id`)).toEqual([
      { user_id: "2", key: "of-bob-here" },
      { user_id: "5", key: "timezone" },
      { user_id: "6", key: "timezone" },
      { user_id: "7", key: "timezone" },
    ]);
    const before = await stateOf(db);
    expect((await importRecords(db, file, { onConflict: "remap" })).remapped).toEqual(report.remapped);
    expect(await stateOf(db)).toEqual(before);
    expect(await rowsOf(db, sql`select nextval('users_id_seq') as next`)).toEqual([{ next: "8" }]);
  });
});
