import { Readable } from "node:stream";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { ImportFault } from "../../src/import/fault.ts";
import { runImport } from "../../src/import/import.ts";
import { exportOption, exportUser } from "../support/exports.ts";
import { importRecords, rowsOf, test } from "./fixture.ts";

const user = (fields: object) => [exportUser(1), exportUser(2, fields as Record<string, unknown>)];
const text = (records: readonly unknown[]) => JSON.stringify(records);

describe("a broken file", () => {
  test.for<[string, string | readonly unknown[], string]>([
    ["nothing", "", "The file is empty: write it with `manage.py dumpdata --format json`."],
    ["an object", '{"model":1}', "Record 1: it has no model."],
    ["no JSON", "[model,pk]\n", "The file is not valid JSON (record 1)."],
    ["a record cut off", text([exportUser(1)]).slice(0, -6), "The file ends too early (record 1, at fields.avatar_url)."],
    ["an end cut off", text([exportUser(1)]).slice(0, -1), "The file ends too early (record 2)."],
    [
      "a syntax error late in a chunk",
      `${text([exportUser(1), exportUser(2)]).slice(0, -1)},{"model":"sentry.user","pk":tru},{"model":"x"}]`,
      "The file is not valid JSON (record 3, at pk).",
    ],
    ["text after the end", `${text([exportUser(1)])} x`, "The file is not valid JSON (record 2)."],
    ["a record that is no object", [exportUser(1), 7], "Record 2: it has to be an object with model, pk and fields."],
    ["no model", [{ pk: 1, fields: {} }], "Record 1: it has no model."],
    ["no pk", [{ ...exportOption(1), pk: null }], "Record 1 (sentry.useroption): it has no pk: export without --natural-primary."],
    ["no fields", [{ model: "sentry.user", pk: 1 }], "Record 1 (sentry.user 1): it has no fields."],
    [
      "a pk that is no id",
      [{ ...exportUser(1), pk: "a-b" }],
      'Record 1 (sentry.user "a-b"): pk is no integer: --ids new gives such records new ids.',
    ],
    [
      "a reference that is no id",
      [exportOption(1, { user: "a-b" })],
      "Record 1 (sentry.useroption 1): user is no integer: --ids new gives such records new ids.",
    ],
    ["a boolean that is none", user({ is_active: "maybe" }), "Record 2 (sentry.user 2): is_active must be true or false, and is a string."],
    ["a boolean that is null", user({ is_staff: null }), "Record 2 (sentry.user 2): is_staff must be true or false, and is null."],
    [
      "a time that is none",
      user({ date_joined: "yesterday" }),
      "Record 2 (sentry.user 2): date_joined must be a time in ISO 8601, and is a string.",
    ],
    ["a day that is none", user({ date_joined: "2023-02-30" }), "Record 2 (sentry.user 2): date_joined must be a time that exists."],
    ["a number for a name", user({ username: 7 }), "Record 2 (sentry.user 2): username must be text, and is a number."],
    ["a fraction for flags", user({ flags: 1.5 }), "Record 2 (sentry.user 2): flags must be an integer of 64 bits, and is a number."],
    [
      "no user",
      [exportOption(1, { user: undefined })],
      "Record 1 (sentry.useroption 1): user must be an integer of 64 bits, and is absent.",
    ],
    ["no value", [exportOption(1, { value: undefined })], "Record 1 (sentry.useroption 1): value is missing."],
    [
      "a natural key of two parts",
      [exportOption(1, { user: ["a", "b"] })],
      "Record 1 (sentry.useroption 1): user must be a user's id or natural key, and is a list.",
    ],
  ])("with %s says where, and nothing is stored", async ([, content, message], { db }) => {
    const error = await importRecords(db, content).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ImportFault);
    expect((error as Error).message).toBe(message);
    expect(await rowsOf(db, sql`select id from users where id <= 2`)).toEqual([]);
  });

  test("that is not UTF-8 says so", async ({ db }) => {
    const latin = Buffer.from(text([exportUser(1, { name: "Zoë" })]), "latin1");
    await expect(runImport(db, Readable.from([latin]))).rejects.toThrow("The file is not UTF-8 (record 1).");
  });

  test("does not show values: they may be secrets", async ({ db }) => {
    const error = await importRecords(db, user({ password: { secret: "canary" }, is_active: "canary" })).catch((thrown: unknown) => thrown);
    expect(String(error)).not.toContain("canary");
  });

  test("is told from one with a byte-order mark, in small pieces, in any order of members", async ({ db }) => {
    const bytes = Buffer.from(`\uFEFF${text([{ fields: exportUser(7, { name: "Zoë 🎉" }).fields, pk: "7", model: "sentry.user" }])}`);
    await runImport(db, Readable.from([...bytes].map((byte) => Buffer.of(byte))));
    expect(await rowsOf(db, sql`select name from users where id = 7`)).toEqual([{ name: "Zoë 🎉" }]);
  });

  test("an empty array is an export of nothing", async ({ db }) => {
    expect(await importRecords(db, [])).toMatchObject({ stored: true, records: 0, models: [] });
  });

  test("records of models that userd does not hold may look as they like", async ({ db }) => {
    const report = await importRecords(db, [
      { model: "sessions.session", fields: {} },
      { model: "x", pk: [], fields: 3 },
    ]);
    expect(report.notHeld).toEqual([
      { name: "sessions.session", count: 1 },
      { name: "x", count: 1 },
    ]);
  });
});
