import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { ReportLine } from "../../src/import/report.ts";
import { serviceWith } from "../options/service-with.ts";
import { exportUser } from "../support/exports.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const lines = (...users: object[]): string => users.map((user) => JSON.stringify({ user })).join("\n");
const users = sql`select id, username, external_id from users order by id`;

describe("the external ids of userd's own lines", () => {
  test("are stored, taken away by an empty one, and left alone by a line without one", async ({ own: db }) => {
    const both = lines({ id: "1", username: "ann", externalId: "crm-1" }, { id: "2", username: "bob", externalId: "crm-2" });
    await importRecords(db, both);
    expect(await rowsOf(db, users)).toEqual([
      { id: "1", username: "ann", external_id: "crm-1" },
      { id: "2", username: "bob", external_id: "crm-2" },
    ]);
    const before = await stateOf(db);
    await importRecords(db, both);
    expect(await stateOf(db)).toEqual(before);
    await importRecords(db, lines({ id: "1", username: "ann", externalId: "" }, { id: "2", username: "bob" }));
    expect(await rowsOf(db, users)).toMatchObject([{ external_id: null }, { external_id: "crm-2" }]);
  });

  test("of several users with one, who has it here keeps it, else the first of the file; the others are listed", async ({ own: db }) => {
    await importRecords(db, lines({ id: "1", username: "ann", externalId: "crm-1" }));
    const told: ReportLine[] = [];
    await importRecords(
      db,
      lines(
        { id: "2", username: "bob", externalId: "crm-1" },
        { id: "4", username: "dan", externalId: "crm-3" },
        { id: "3", username: "cat", externalId: "crm-3" },
      ),
      { onLine: (line) => void told.push(line) },
    );
    expect(await rowsOf(db, users)).toMatchObject([
      { external_id: "crm-1" },
      { external_id: null },
      { external_id: null },
      { external_id: "crm-3" },
    ]);
    expect(told.map(({ record, reason }) => [record, reason])).toEqual([
      [1, "its external id is that of another user, who keeps it"],
      [3, "its external id is that of another user, who keeps it"],
    ]);
  });

  test("stand with --ids new too, in the place of the line's key", async ({ own: db }) => {
    const file = lines({ id: "7", username: "ann", externalId: "crm-1" }, { id: "8", username: "bob" });
    await importRecords(db, file, { ids: "new" });
    const stored = [
      { id: "1", username: "ann", external_id: "crm-1" },
      { id: "2", username: "bob", external_id: "8" },
    ];
    expect(await rowsOf(db, users)).toEqual(stored);
    expect(await importRecords(db, file, { ids: "new" })).toMatchObject({ models: [{ unchanged: 2 }] });
    expect(await rowsOf(db, users)).toEqual(stored);
  });
});

test("nobody is found any more by an external id that an import changed", async ({ own: db, ownUrl }) => {
  await importRecords(db, lines({ id: "1", username: "ann", externalId: "old" }));
  await using service = await serviceWith(ownUrl, {});
  const find = async (externalId: string) => {
    const { results } = await service.users.lookupUsers({
      keys: [{ key: { case: "externalId", value: externalId } }],
      consistency: { mode: { case: "fullyConsistent", value: true } },
    });
    return results[0]?.user?.username;
  };
  expect([await find("old"), await find("new")]).toEqual(["ann", undefined]);
  await importRecords(db, lines({ id: "1", username: "ann", externalId: "new" }));
  expect([await find("old"), await find("new")]).toEqual([undefined, "ann"]);
});

test("an external id that was changed here since stands", async ({ own: db, ownUrl }) => {
  const file = lines({ id: "1", username: "ann", externalId: "theirs" });
  await importRecords(db, file);
  await using service = await serviceWith(ownUrl, {});
  await service.users.updateUser({ user: { id: 1n, externalId: "ours" }, updateMask: { paths: ["external_id"] } });
  const report = await importRecords(db, file);
  expect(report.notes.map(({ examples }) => examples)).toEqual([["userd.user 1 (record 1): external_id"]]);
  expect(await rowsOf(db, users)).toMatchObject([{ external_id: "ours" }]);
  await importRecords(db, file, { overwrite: true });
  expect(await rowsOf(db, users)).toMatchObject([{ external_id: "theirs" }]);
});

test("a file of another form leaves external ids alone", async ({ own: db }) => {
  await importRecords(db, lines({ id: "1", username: "user-1", externalId: "crm-1" }));
  await importRecords(db, [exportUser(1)]);
  expect(await rowsOf(db, users)).toMatchObject([{ external_id: "crm-1" }]);
});
