import { sql } from "kysely";
import { expect, vi } from "vitest";
import type { OwnedDatabase } from "../../src/db/open.ts";
import type { ImportOptions } from "../../src/import/import.ts";
import { importRecords, rowsOf, test } from "./fixture.ts";

/** Imports a user while somebody else's transaction holds one of that name, and commits it when the import waits for it. */
const importBeside = async (db: OwnedDatabase, options: ImportOptions) => {
  const inserted = Promise.withResolvers<void>();
  const waited = Promise.withResolvers<void>();
  const rival = db.sql.transaction().execute(async (tx) => {
    await sql`insert into users (username, username_canonical) values ('ann', 'ann')`.execute(tx);
    inserted.resolve();
    await waited.promise;
  });
  await inserted.promise;
  const importing = importRecords(db, [{ model: "auth.user", pk: 7, fields: { username: "ann", email: "" } }], options);
  await vi.waitFor(
    async () =>
      expect(
        await rowsOf(
          db,
          sql`select 1 as one from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 1`,
        ),
      ).toEqual([{ one: 1 }]),
    { timeout: 60_000, interval: 20 },
  );
  waited.resolve();
  await rival;
  return importing;
};

test("a user stored by somebody else between comparing and writing is a conflict, not an error", async ({ own: db }) => {
  const { stored, conflicts } = await importBeside(db, {});
  expect({ stored, conflicts }).toMatchObject({ stored: false, conflicts: [{ pk: "7", name: "ann", nameHere: null, idHere: "1" }] });
  expect(await rowsOf(db, sql`select id from users`)).toEqual([{ id: "1" }]);
});

test.for<[ImportOptions, string]>([
  [{ onConflict: "remap" }, "8"],
  [{ onConflict: "remap", ids: "new" }, "3"],
])("with %o the second try gives it a name and an id of its own", async ([options, id], { own: db }) => {
  const { stored } = await importBeside(db, options);
  expect(stored).toBe(true);
  expect(await rowsOf(db, sql`select id, username from users order by id`)).toEqual([
    { id: "1", username: "ann" },
    { id, username: "ann-2" },
  ]);
});
