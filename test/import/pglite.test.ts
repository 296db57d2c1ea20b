import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { openDatabase } from "../../src/db/orm.ts";
import { secretKey, silent } from "../support/database.ts";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { importRecords, rowsOf, stateOf } from "./fixture.ts";

const file = [
  exportOption(3, { user: ["user-2"], value: { a: ["é", null] } }),
  exportOption(1),
  exportOption(2),
  exportUser(1, { username: "Ann" }),
  exportUser(2),
  exportUser(4, { username: "ann" }),
  exportEmail(1, { is_verified: true }),
  exportEmail(2, { email: "user-1@example.com", is_verified: true }),
];

describe("the embedded database", () => {
  test("imports, imports again without a change, and remaps", { timeout: 120_000 }, async () => {
    await using opened = await openDatabase({ database: { kind: "pglite", folder: "memory" }, poolSize: 1 }, silent);
    const db = { ...opened, secretKey };
    await migrate(db, silent);
    expect(await importRecords(db, file)).toMatchObject({ stored: true, skipped: [{ count: 1 }] });
    const before = await stateOf(db);
    const again = await importRecords(db, file);
    expect(again.models.every(({ created, updated }) => created + updated === 0)).toBe(true);
    expect(await stateOf(db)).toEqual(before);
    expect((await importRecords(db, [exportUser(2, { username: "carol" })])).stored).toBe(false);
    expect((await importRecords(db, [exportUser(2, { username: "carol" })], { onConflict: "remap" })).remapped).toEqual([
      { kind: "user", pk: "2", id: "5" },
    ]);
    expect(await rowsOf(db, sql`select id, username from users order by id`)).toEqual([
      { id: "1", username: "Ann" },
      { id: "2", username: "user-2" },
      { id: "4", username: "ann-2" },
      { id: "5", username: "carol" },
    ]);
  });
});
