import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { OwnedDatabase } from "../../src/db/open.ts";
import { exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

type Fields = Readonly<Record<string, unknown>>;

const record = (model: string, pk: number, fields: Fields) => ({ model: `sentry.${model}`, pk, fields });
const organization = (pk: number, slug = `org-${pk}`) => record("organization", pk, { name: slug, slug, status: 0, flags: "0" });
const project = (pk: number, fields: Fields = {}) =>
  record("project", pk, { organization: 1, name: `P ${pk}`, slug: `p-${pk}`, status: 0, flags: "0", ...fields });
const release = (pk: number, fields: Fields = {}) => record("release", pk, { organization: 1, version: `web@${pk}`, status: 0, ...fields });
const file = (pk: number, fields: Fields = {}) =>
  record("releasefile", pk, { organization_id: 1, release_id: 10, ident: `ident-${pk}`, name: `~/${pk}.js`, ...fields });
const deploy = (pk: number, fields: Fields = {}) =>
  record("deploy", pk, { organization_id: 1, release: 10, environment_id: null, ...fields });

const rows = (db: OwnedDatabase, table: string) => rowsOf(db, sql`select * from ${sql.table(table)} order by id`);
const versions = (db: OwnedDatabase) => rowsOf(db, sql`select id, version from release order by id`);
const reasons = ({ skipped, notes }: Awaited<ReturnType<typeof importRecords>>) =>
  [...skipped, ...notes].map(({ reason, count }) => [reason, count]).filter(([reason]) => !String(reason).includes("primary address"));

/** A caller of the service, for the change log. */
const beside = (db: OwnedDatabase, statement: ReturnType<typeof sql>) =>
  db.sql.transaction().execute(async (tx) => {
    await sql`select set_config('userd.caller', 'test', true)`.execute(tx);
    await statement.execute(tx);
  });

const whole = [
  exportUser(1),
  organization(1),
  project(1),
  project(2),
  record("environment", 5, { organization_id: 1, name: "production" }),
  deploy(30, {
    environment_id: 5,
    name: "blue",
    url: "https://example.com",
    date_started: "2024-01-01T00:00:00Z",
    date_finished: null,
    notified: true,
  }),
  file(20, { file: 7, dist: 8, artifact_count: 3 }),
  record("file", 7, { name: "x", type: "release.file", size: 12, checksum: "abc", timestamp: "2023-01-01T00:00:00Z", headers: {} }),
  record("distribution", 8, { organization_id: 1, release: 10, name: "arm64", date_added: "2023-01-01T00:00:00Z" }),
  record("releaseproject", 1, { release: 10, project: 2, new_groups: 0 }),
  release(10, {
    status: 1,
    ref: "main",
    url: null,
    owner: 1,
    data: '{"a": 1}',
    projects: [1],
    commit_count: 4,
    date_added: "2024-01-01T00:00:00Z",
    date_started: "2024-01-02T00:00:00Z",
    date_released: null,
    total_deploys: 1,
  }),
];

describe("releases, their files and deploys", () => {
  test("come in with all their fields and projects, whatever their order in the file", async ({ own: db }) => {
    const report = await importRecords(db, whole);
    expect(await rows(db, "release")).toEqual([
      {
        id: "10",
        organization_id: "1",
        version: "web@10",
        status: 2,
        owner_user_id: "1",
        ref: "main",
        url: "",
        data: { a: 1 },
        start_time: new Date("2024-01-02T00:00:00Z"),
        release_time: null,
        commit_count: "4",
        create_time: new Date("2024-01-01T00:00:00Z"),
        delete_time: null,
        purge_time: null,
        etag: 1,
      },
    ]);
    expect(await rows(db, "release_file")).toEqual([
      {
        id: "20",
        organization_id: "1",
        release_id: "10",
        ident: "ident-20",
        name: "~/20.js",
        dist: "arm64",
        digest: "abc",
        size: "12",
        content_type: "",
        url: "",
        artifact_count: "3",
        create_time: new Date("2023-01-01T00:00:00Z"),
        etag: 1,
      },
    ]);
    expect(await rows(db, "deploy")).toMatchObject([
      { id: "30", organization_id: "1", release_id: "10", environment_id: "5", name: "blue", notified: true, finish_time: null },
    ]);
    expect(await rowsOf(db, sql`select organization_id, release_id, project_id from release_project order by project_id`)).toEqual([
      { organization_id: "1", release_id: "10", project_id: "1" },
      { organization_id: "1", release_id: "10", project_id: "2" },
    ]);
    for (const model of ["release", "release.projects", "releaseproject", "releasefile", "deploy"])
      expect(countsOf(report, `sentry.${model}`), model).toEqual(all("created", 1));
    for (const model of ["file", "distribution"]) expect(countsOf(report, `sentry.${model}`), model).toEqual(all("unchanged", 1));
    expect(reasons(report)).toEqual([]);
    expect(report.notHeld).toEqual([]);
  });

  test("change nothing when they come again, with ids that are kept or new", async ({ own: db }) => {
    for (const ids of ["keep", "new"] as const) {
      const options = { ids, onConflict: ids === "new" ? "remap" : "fail" } as const;
      await importRecords(db, whole, options);
      const before = await stateOf(db);
      const report = await importRecords(db, whole, options);
      expect(report.conflicts).toEqual([]);
      expect(report.models.filter(({ read, unchanged }) => read !== unchanged)).toEqual([]);
      expect(await stateOf(db)).toEqual(before);
    }
    expect(await rows(db, "deploy")).toHaveLength(2);
  });

  test("that refer to what was skipped, or is nowhere, are skipped, or have no owner", async ({ own: db }) => {
    const report = await importRecords(db, [
      organization(1),
      organization(2),
      project(9, { organization: 2 }),
      release(10, { owner: 99, projects: [9, 8] }),
      release(11, { version: "a/b" }),
      release(12, { status: 7 }),
      release(13, { organization: 99 }),
      release(14, { organization: null }),
      release(15, { version: "web@10" }),
      release(16, { data: [1] }),
      file(20, { release_id: 11 }),
      file(21, { release_id: 98 }),
      file(22, { ident: null }),
      deploy(30, { release: 13 }),
      deploy(31, { name: "x".repeat(65) }),
    ]);
    expect(await versions(db)).toEqual([{ id: "10", version: "web@10" }]);
    expect(await rows(db, "release_file")).toEqual([]);
    expect(await rows(db, "deploy")).toEqual([]);
    expect(await rows(db, "release_project")).toEqual([]);
    expect(reasons(report)).toEqual([
      ["its project is neither in the file nor here", 1],
      ["its project was skipped, or is of another organization", 1],
      ["version does not match regex pattern `^[^\\n\\r\\t\\f\\v/\\\\]+$`", 1],
      ["status is not known", 1],
      ["its organization is neither in the file nor here", 1],
      ["it names no organization", 1],
      ["another record of the file has its version", 1],
      ["data is no object", 1],
      ["its release was skipped", 2],
      ["its release is neither in the file nor here", 1],
      ["ident is null", 1],
      ["name is longer than 64 characters", 1],
      ["its user (owner_user_id) was skipped, is neither in the file nor here, or is of another organization: it has none here", 1],
    ]);
  });

  test("keep what was changed here since, and stay removed", async ({ own: db }) => {
    const records = [...whole, release(11), release(12, { owner: 1 }), deploy(31, { release: 11 })];
    await importRecords(db, records);
    await beside(db, sql`update release set ref = 'here', etag = etag + 1 where id = 10`);
    await beside(db, sql`update release set owner_user_id = null, etag = etag + 1 where id = 12`);
    await beside(db, sql`delete from release where id = 11`);
    await beside(db, sql`delete from release_project where project_id = 2`);
    const before = await stateOf(db);
    const report = await importRecords(db, records);
    expect(await stateOf(db)).toEqual(before);
    expect(reasons(report)).toEqual([
      ["it was removed here since, which stands; --overwrite lets the file win", 2],
      ["its release was skipped", 1],
      ["it was changed here since, which stands; --overwrite lets the file win", 2],
    ]);
    const newer = [...records, release(10, { ref: "main", commit_count: 5 })];
    await importRecords(db, newer);
    expect(await rowsOf(db, sql`select ref, commit_count, etag from release where id = 10`)).toEqual([
      { ref: "here", commit_count: "5", etag: 3 },
    ]);
    await importRecords(db, records, { overwrite: true });
    expect(await rowsOf(db, sql`select ref, owner_user_id from release order by id`)).toEqual([
      { ref: "main", owner_user_id: "1" },
      { ref: "", owner_user_id: null },
      { ref: "", owner_user_id: "1" },
    ]);
    expect(await rows(db, "release_project")).toHaveLength(2);
  });

  test("come again with an organization that was purged, if the file wins, and are removed by themselves after that", async ({
    own: db,
  }) => {
    await importRecords(db, whole);
    for (const table of ["release", "project", "organization"]) await beside(db, sql`delete from ${sql.table(table)}`);
    const report = await importRecords(db, whole, { overwrite: true });
    expect(countsOf(report, "sentry.deploy")).toEqual(all("created", 1));
    await beside(db, sql`delete from deploy`);
    expect(reasons(await importRecords(db, whole))).toEqual([
      ["it was removed here since, which stands; --overwrite lets the file win", 1],
    ]);
    await beside(db, sql`delete from release`);
    await beside(db, sql`delete from project`);
    await beside(db, sql`delete from organization`);
    await beside(db, sql`insert into organization (id, name, slug) values (1, 'org-1', 'org-1')`);
    expect(countsOf(await importRecords(db, whole), "sentry.deploy")).toEqual(all("created", 1));
  });

  test("a field that a record leaves out stays as it is here, and null clears it", async ({ own: db }) => {
    await importRecords(db, whole);
    await importRecords(db, [organization(1), release(10, { status: undefined, ref: null }), deploy(30, { environment_id: null })]);
    expect(await rows(db, "release")).toMatchObject([{ status: 2, owner_user_id: "1", ref: "", commit_count: "4", data: { a: 1 } }]);
    expect(await rows(db, "deploy")).toMatchObject([{ environment_id: null, name: "blue", notified: true }]);
  });

  const here = [organization(1), release(10, { version: "here@1" }), release(50, { version: "web@10" }), deploy(30)];

  test("whose id or version is another one's here are conflicts, which stop the import or are left out", async ({ own: db }) => {
    await importRecords(db, here);
    const before = await stateOf(db);
    const inFile = [organization(1), release(10), file(20), deploy(30), release(11)];
    const stopped = await importRecords(db, inFile);
    expect(stopped.stored).toBe(false);
    expect(stopped.conflicts).toEqual([
      { kind: "release", model: "sentry.release", record: 2, pk: "10", name: "web@10", nameHere: "here@1", idHere: "50" },
    ]);
    expect(await stateOf(db)).toEqual(before);
    const skipped = await importRecords(db, inFile, { onConflict: "skip" });
    expect(await versions(db)).toEqual([
      { id: "10", version: "here@1" },
      { id: "11", version: "web@11" },
      { id: "50", version: "web@10" },
    ]);
    expect(reasons(skipped)).toEqual([
      ["a conflict: its id or name belongs to another one here", 1],
      ["its release was skipped", 2],
    ]);
  });

  test.for(["remap", "merge"] as const)(
    "with %s they become the one of their version, or get a new id",
    async (onConflict, { own: db }) => {
      await importRecords(db, here);
      const inFile = [
        organization(1),
        release(10, { ref: "x" }),
        file(20),
        deploy(30, { name: "new" }),
        project(1),
        release(50, { version: "v", projects: [1] }),
      ];
      const report = await importRecords(db, inFile, { onConflict });
      const [created] = await rowsOf<{ id: string }>(db, sql`select id from release where version = 'v'`);
      const [made] = await rowsOf<{ id: string }>(db, sql`select id from deploy where name = 'new'`);
      expect(await rowsOf(db, sql`select id, version, ref from release where version <> 'v' order by id`)).toEqual([
        { id: "10", version: "here@1", ref: "" },
        { id: "50", version: "web@10", ref: "x" },
      ]);
      expect(await rows(db, "release_file")).toMatchObject([{ id: "20", release_id: "50" }]);
      expect(await rows(db, "deploy")).toMatchObject([{ id: "30", release_id: "10", name: "" }, { release_id: "50" }]);
      expect(await rows(db, "release_project")).toMatchObject([{ release_id: created?.id, project_id: "1" }]);
      expect(report.remapped).toEqual([
        { kind: "release", pk: "10", id: "50" },
        { kind: "release", pk: "50", id: created?.id },
        { kind: "deploy", pk: "30", id: made?.id },
      ]);
      const before = await stateOf(db);
      expect((await importRecords(db, inFile)).models.filter(({ read, unchanged }) => read !== unchanged)).toEqual([]);
      expect(await stateOf(db)).toEqual(before);
    },
  );
});
