import { sql } from "kysely";
import { describe, expect } from "vitest";
import { idLists } from "../../src/import/ids-in-values.ts";
import type { ImportOptions } from "../../src/import/import.ts";
import { exportOption, exportUser } from "../support/exports.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const organization = (pk: unknown, slug: string) => ({ model: "sentry.organization", pk, fields: { name: slug, slug, status: 0 } });
const STAYS = "names ids of organizations that are neither in the file nor here, which stay as they are";
const GONE = "names ids of organizations that were skipped, which were taken out of the list";

const values = sql`select value from user_option order by id`;
const uuid = "6f1d1b0e-8a51-4a55-9a44-2f3a1d5f6c11";

test("the options that hold ids are these: each has its cases here", () => {
  expect(idLists.map(({ key, model, of }) => [key, model, of])).toEqual([
    ["reports:disabled-organizations", "sentry.useroption", "organization"],
  ]);
});

describe("reports:disabled-organizations", () => {
  const key = "reports:disabled-organizations";
  const file = (value: unknown) => [
    exportOption(1, { user: 1, key, value }),
    exportOption(2, { user: 1, key: "plugin:list", value }),
    exportUser(1),
    organization(7, "acme"),
    organization(8, "beta"),
  ];

  test.for<[ImportOptions, acme: number, beta: number]>([
    [{ onConflict: "remap" }, 9, 8],
    [{ onConflict: "merge" }, 9, 8],
    [{ onConflict: "remap", ids: "new" }, 8, 9],
  ])("%o: ids of the file become those of here, and all else stays", async ([options, acme, beta], { own: db }) => {
    await importRecords(db, [organization(7, "here")]);
    const value = [8, 7, 55, "7", null, { id: 7 }, [7], true, 7.5];
    const { notes } = await importRecords(db, file(value), options);
    expect(await rowsOf(db, sql`select id, slug from organization order by slug`)).toEqual([
      { id: String(acme), slug: "acme" },
      { id: String(beta), slug: "beta" },
      { id: "7", slug: "here" },
    ]);
    expect(await rowsOf(db, values)).toEqual([{ value: [beta, acme, 55, String(acme), null, { id: 7 }, [7], true, 7.5] }, { value }]);
    expect(notes.filter(({ reason }) => reason === STAYS)).toEqual([
      { reason: STAYS, count: 1, examples: ["sentry.useroption 1 (record 1): 55"] },
    ]);
    const before = await stateOf(db);
    await importRecords(db, file(value), options);
    expect(await stateOf(db)).toEqual(before);
  });

  test("keys that are no integers become ids", async ({ own: db }) => {
    const records = [exportUser(1), organization(uuid, "acme"), exportOption(1, { user: 1, key, value: [uuid, "other"] })];
    await importRecords(db, records, { ids: "new" });
    expect(await rowsOf(db, values)).toEqual([{ value: [1, "other"] }]);
  });

  test("an id that is not in the file and is another's new one stands once", async ({ own: db }) => {
    await importRecords(db, [organization(7, "here")]);
    await importRecords(db, file([7, 9]), { onConflict: "remap" });
    expect(await rowsOf(db, values)).toEqual([{ value: [9] }, { value: [7, 9] }]);
  });

  test("skip: one that was skipped is taken out, since its id is somebody else's here", async ({ own: db }) => {
    await importRecords(db, [organization(7, "here")]);
    const { notes } = await importRecords(db, file([7, 8]), { onConflict: "skip" });
    expect(await rowsOf(db, values)).toEqual([{ value: [8] }, { value: [7, 8] }]);
    expect(notes).toContainEqual({ reason: GONE, count: 1, examples: ["sentry.useroption 1 (record 1): 7"] });
  });

  test.for([{ value: "7" }, { value: 7 }, { value: { 7: 7 } }, { value: [] }])(
    "%o is no list of ids and stays",
    async ({ value }, { own: db }) => {
      await importRecords(db, [organization(7, "here")]);
      await importRecords(db, file(value), { onConflict: "remap" });
      expect(await rowsOf(db, values)).toEqual([{ value }, { value }]);
    },
  );
});
