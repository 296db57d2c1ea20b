import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { all, countsOf, importRecords, rowsOf, test } from "./fixture.ts";

type Fields = Readonly<Record<string, unknown>>;

const option = (pk: number, fields: Fields = {}, model = "sentry.option") => ({
  model,
  pk,
  fields: {
    key: "system.url-prefix",
    value: '"https://example.com"',
    last_updated: "2026-01-02T03:04:05Z",
    last_updated_by: "cli",
    ...fields,
  },
});
const ofProject = (pk: number, fields: Fields = {}) => ({
  model: "sentry.projectoption",
  pk,
  fields: { project: 7, key: "mail:aggregate_prefix", value: '"x"', ...fields },
});
const ofOrganization = (pk: number, fields: Fields = {}) => ({
  model: "sentry.organizationoption",
  pk,
  fields: { organization: 7, key: "sentry:events_member_admin", value: true, ...fields },
});

type Row = { kind: number; id: string; key: string; value: unknown; locked: boolean; version: number };

const stored = (db: Database) =>
  rowsOf<Row>(
    db,
    sql<Row>`select scope_kind as kind, scope_id as id, key, value, locked, version from scope_option order by scope_kind, scope_id, key`,
  );

const versions = (db: Database) => rowsOf(db, sql`select kind, id, version from aggregate_version order by kind, id`);

describe("options of scopes of a file", () => {
  test("come from four models, whose pks may be the same", async ({ own: db }) => {
    const report = await importRecords(db, [
      option(1),
      option(1, { key: "control" }, "sentry.controloption"),
      ofProject(1),
      ofProject(2, { project: undefined, project_id: "8" }),
      ofOrganization(1),
    ]);
    for (const [model, count] of [
      ["sentry.option", 1],
      ["sentry.controloption", 1],
      ["sentry.projectoption", 2],
      ["sentry.organizationoption", 1],
    ] as const) {
      expect(countsOf(report, model)).toEqual(all("created", count));
    }
    expect((await stored(db)).map(({ kind, id, key, value }) => [kind, id, key, value])).toEqual([
      [0, "0", "control", "https://example.com"],
      [0, "0", "system.url-prefix", "https://example.com"],
      [1, "7", "sentry:events_member_admin", true],
      [2, "7", "mail:aggregate_prefix", "x"],
      [2, "8", "mail:aggregate_prefix", "x"],
    ]);
    expect(await versions(db)).toEqual([
      { kind: "global", id: "0", version: "1" },
      { kind: "organization", id: "7", version: "1" },
      { kind: "project", id: "7", version: "1" },
      { kind: "project", id: "8", version: "1" },
    ]);
  });

  test("importing them again changes nothing; another value moves version and time, and leaves a lock", async ({ own: db }) => {
    const file = [option(1), ofProject(1)];
    await importRecords(db, file);
    await sql`update scope_option set locked = true`.execute(db.sql);
    const before = [await stored(db), await versions(db)];
    const again = await importRecords(db, file);
    expect([countsOf(again, "sentry.option"), countsOf(again, "sentry.projectoption")]).toEqual([all("unchanged", 1), all("unchanged", 1)]);
    expect([await stored(db), await versions(db)]).toEqual(before);
    const changed = await importRecords(db, [option(1, { value: 5, last_updated: "2026-02-02T00:00:00Z" })]);
    expect(countsOf(changed, "sentry.option")).toEqual(all("updated", 1));
    expect((await stored(db))[0]).toMatchObject({ value: 5, locked: true, version: 2 });
    expect(await rowsOf(db, sql`select update_time from scope_option where scope_kind = 0`)).toEqual([
      { update_time: new Date("2026-02-02T00:00:00Z") },
    ]);
  });

  test("of several rows of one option the one that was updated last stands", async ({ own: db }) => {
    const report = await importRecords(db, [
      option(1, { value: '"old"' }),
      option(2, { value: '"new"', last_updated: "2026-03-01T00:00:00Z" }, "sentry.controloption"),
      option(3, { value: '"older"', last_updated: null }),
    ]);
    expect((await stored(db)).map(({ value }) => value)).toEqual(["new"]);
    expect(report.skipped).toMatchObject([{ reason: "the option has several rows: the last one that was updated stands", count: 2 }]);
  });

  test("keys and values that the API could not canonical are skipped with the reason, 128 characters are not too many", async ({
    own: db,
  }) => {
    const report = await importRecords(db, [
      option(1, { key: "k".repeat(129) }),
      option(2, { key: "a b" }),
      option(3, { key: "" }),
      option(4, { key: "k".repeat(128) }),
      option(5, { key: "big", value: JSON.stringify("x".repeat(70_000)) }),
    ]);
    expect(report.skipped.map(({ reason, count }) => [reason, count])).toEqual([
      ["key is longer than 128 characters", 1],
      ["key is not 1 to 128 characters of A-Z a-z 0-9 _ . : -", 2],
      ["value is larger than 65536 bytes", 1],
    ]);
    expect(await stored(db)).toHaveLength(1);
  });

  test("a record without its project or organization is broken", async ({ own: db }) => {
    await expect(importRecords(db, [ofProject(1, { project: undefined })])).rejects.toThrow(
      "Record 1 (sentry.projectoption 1): project is missing.",
    );
    await expect(importRecords(db, [ofOrganization(1, { organization: null })])).rejects.toThrow("organization must be an integer");
  });

  test("a dry run stores nothing and moves no sequence", async ({ own: db }) => {
    const sequence = () => rowsOf(db, sql`select last_value, is_called from scope_option_id_seq`);
    const before = await sequence();
    const report = await importRecords(db, [option(1), ofProject(1)], { dryRun: true });
    expect(countsOf(report, "sentry.option")).toEqual(all("created", 1));
    expect([await stored(db), await versions(db), await sequence()]).toEqual([[], [], before]);
  });
});
