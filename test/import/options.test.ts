import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportOption, exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const stored = sql`select id, scope_kind, scope_id, key, value from user_option order by id`;

describe("options of a file", () => {
  test("a value is JSON inside a string, plain JSON, or old plain text", async ({ own: db }) => {
    const cases: [unknown, unknown][] = [
      ['"Europe/Vienna"', "Europe/Vienna"],
      ['{"a":[1.0,-0.0]}', { a: [1, 0] }],
      [{ a: { b: 3 } }, { a: { b: 3 } }],
      [9873, 9873],
      ["Europe/Vienna", "Europe/Vienna"],
      ["['a', 'b']", "['a', 'b']"],
      ["", ""],
      ["null", "null"],
      [null, null],
    ];
    await importRecords(db, [exportUser(1), ...cases.map(([value], index) => exportOption(index + 1, { key: `key-${index}`, value }))]);
    expect(await rowsOf(db, sql`select value, value is null as absent from user_option order by id`)).toEqual(
      cases.map(([, value]) => ({ value, absent: false })),
    );
  });

  test("an option holds in one scope", async ({ own: db }) => {
    const { project_id: _, organization_id: __, ...global } = exportOption(4).fields;
    const report = await importRecords(db, [
      exportUser(1),
      exportOption(1),
      exportOption(2, { project_id: 7 }),
      exportOption(3, { organization_id: "8" }),
      { ...exportOption(4), fields: { ...global, key: "old", project: 9, organization: null } },
      exportOption(5, { project_id: 1, organization_id: 1 }),
    ]);
    expect(
      (await rowsOf<{ scope_kind: number; scope_id: string }>(db, stored as never)).map(({ scope_kind, scope_id }) => [
        scope_kind,
        scope_id,
      ]),
    ).toEqual([
      [0, "0"],
      [2, "7"],
      [1, "8"],
      [2, "9"],
    ]);
    expect(report.skipped).toMatchObject([{ reason: "it names a project and an organization" }]);
  });

  test("of duplicate options the highest pk wins, and that is said", async ({ own: db }) => {
    const file = [
      exportOption(12, { value: '"new"' }),
      exportOption(9, { value: '"old"' }),
      exportOption(3, { value: '"older"' }),
      exportOption(4, { project_id: 1 }),
      exportOption(5, { project_id: 1 }),
      exportUser(1),
    ];
    const report = await importRecords(db, file);
    expect(countsOf(report, "sentry.useroption")).toEqual({ ...all("created", 5), created: 2, skipped: 3 });
    expect(report.skipped).toEqual([
      {
        reason: "the option has several rows: the highest pk stands",
        count: 3,
        examples: ["sentry.useroption 9 (record 2)", "sentry.useroption 3 (record 3)", "sentry.useroption 4 (record 4)"],
      },
    ]);
    expect(await rowsOf(db, sql`select id, value from user_option order by id`)).toEqual([
      { id: "5", value: "Europe/Vienna" },
      { id: "12", value: "new" },
    ]);
    const before = await stateOf(db);
    await importRecords(db, file);
    expect(await stateOf(db)).toEqual(before);
  });

  test("keys and values that the API could not canonical are skipped with the reason", async ({ own: db }) => {
    const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    const report = await importRecords(db, [
      exportUser(1),
      exportOption(1, { key: "" }),
      exportOption(2, { key: "k".repeat(65) }),
      exportOption(3, { key: "a b" }),
      exportOption(4, { key: "big", value: JSON.stringify("x".repeat(64 * 1024 - 1)) }),
      exportOption(5, { key: "deep", value: deep(25) }),
      exportOption(6, { key: "very-deep", value: deep(10_000) }),
      exportOption(7, { key: "nul", value: '"\\u0000"' }),
      exportOption(8, { key: "half", value: '"\\ud800"' }),
      exportOption(9, { key: "infinite", value: "[1e400]" }),
      exportOption(10, { key: "__proto__", value: deep(24) }),
      exportOption(11, { key: "largest", value: JSON.stringify("x".repeat(64 * 1024 - 2)) }),
      exportOption(12, { key: "x:mail", value: '{"__proto__":{"constructor":1}}' }),
    ]);
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["key is not 1 to 64 characters of A-Z a-z 0-9 _ . : -", 3],
      ["value is larger than 65536 bytes", 1],
      ["value is nested deeper than 24 levels", 2],
      ["value holds a NUL character", 1],
      ["value holds half of a surrogate pair", 1],
      ["value holds a number that is not finite", 1],
    ]);
    expect(await rowsOf(db, sql`select key, length(value::text) as length from user_option order by id`)).toEqual([
      { key: "__proto__", length: 48 },
      { key: "largest", length: 64 * 1024 },
      { key: "x:mail", length: 33 },
    ]);
  });

  test("an option of a user that is nowhere is skipped, one of a user that is here already is not", async ({ own: db }) => {
    await importRecords(db, [exportUser(1)]);
    const report = await importRecords(db, [
      exportOption(1),
      exportOption(2, { user: 2 }),
      exportOption(3, { user: ["nobody"] }),
      exportOption(4, { user: ["USER-1"], key: "by-name" }),
      exportOption(5, { user: null }),
    ]);
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["its user is neither in the file nor here", 2],
      ["user is null", 1],
    ]);
    expect(await rowsOf(db, sql`select user_id, key from user_option order by id`)).toEqual([
      { user_id: "1", key: "timezone" },
      { user_id: "1", key: "by-name" },
    ]);
  });

  test("the order of the records does not matter", async ({ own: db }) => {
    const file = [
      exportOption(1),
      exportOption(2, { user: ["user-2"] }),
      exportUser(2),
      exportUser(1),
      exportOption(3, { user: 2, key: "other" }),
    ];
    await importRecords(db, file);
    const report = await importRecords(db, file.toReversed());
    expect(report.models.every(({ read, unchanged }) => read === unchanged)).toBe(true);
    expect(await rowsOf(db, sql`select id, user_id from user_option order by id`)).toEqual([
      { id: "1", user_id: "1" },
      { id: "2", user_id: "2" },
      { id: "3", user_id: "2" },
    ]);
  });

  test("an equal value leaves the row as it is, another one moves its version", async ({ own: db }) => {
    await importRecords(db, [exportUser(1), exportOption(1, { value: 1 }), exportOption(2, { key: "other", value: 1 })]);
    const report = await importRecords(db, [exportOption(1, { value: 1.0 }), exportOption(2, { key: "other", value: '"1"' })]);
    expect(countsOf(report, "sentry.useroption")).toEqual({ ...all("updated", 2), updated: 1, unchanged: 1 });
    expect(await rowsOf(db, sql`select id, value, version, update_time > create_time as moved from user_option order by id`)).toEqual([
      { id: "1", value: 1, version: 1, moved: false },
      { id: "2", value: "1", version: 2, moved: true },
    ]);
  });

  test("an option past its time is set anew", async ({ own: db }) => {
    await importRecords(db, [exportUser(1), exportOption(1)]);
    await sql`update user_option set expire_time = now() - interval '1 minute'`.execute(db.sql);
    expect(countsOf(await importRecords(db, [exportOption(1)]), "sentry.useroption")).toEqual(all("updated", 1));
    expect(await rowsOf(db, sql`select expire_time from user_option`)).toEqual([{ expire_time: null }]);
  });

  test("examples are bounded, counts are not", async ({ own: db }) => {
    const report = await importRecords(
      db,
      Array.from({ length: 30 }, (_, index) => exportOption(index + 1, { user: 99 })),
    );
    expect(report.skipped).toMatchObject([{ count: 30, examples: { length: 20 } }]);
  });
});
