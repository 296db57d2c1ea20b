import { sql } from "kysely";
import { expect, vi } from "vitest";
import type { OwnedDatabase } from "../../src/db/open.ts";
import type { ImportOptions } from "../../src/import/import.ts";
import { importRecords, rowsOf, test } from "./fixture.ts";

const record = (model: string, pk: number, fields: object) => ({ model: `sentry.${model}`, pk, fields });
const organization = (pk: number) => record("organization", pk, { name: `Org ${pk}`, slug: `org-${pk}`, status: 0, flags: "0" });
const project = (pk: number, slug: string, organization: number) => record("project", pk, { organization, name: slug, slug, status: 0 });
const rule = (pk: number) => record("rule", pk, { project: 1, label: `R ${pk}`, data: "{}", status: 0 });
const integration = (pk: number, fields: object) =>
  record("integration", pk, { provider: "slack", external_id: "a", status: 0, ...fields });

/** Imports while somebody else holds the version of an aggregate, who ends when the import waits for it. Returns the step that waited. */
const waitedIn = async (
  db: OwnedDatabase,
  [kind, id]: readonly [kind: string, id: number],
  records: readonly unknown[],
  options: ImportOptions,
) => {
  const held = Promise.withResolvers<void>();
  const waited = Promise.withResolvers<void>();
  const writing = db.sql.transaction().execute(async (tx) => {
    await sql`insert into aggregate_version (kind, id, version, xid) values (${kind}, ${id}, 1, '0'::xid8)
      on conflict (kind, id) do update set version = aggregate_version.version + 1`.execute(tx);
    held.resolve();
    await waited.promise;
  });
  await held.promise;
  let step = "";
  const importing = importRecords(db, records, { ...options, onProgress: ({ phase }) => (step = phase) });
  const isWaiting = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 1`;
  await vi.waitFor(async () => expect(await rowsOf(db, isWaiting)).toHaveLength(1), { timeout: 60_000, interval: 20 });
  const waitedIn = step;
  waited.resolve();
  await writing;
  expect((await importing).stored).toBe(true);
  return waitedIn;
};

test.for<[what: string, aggregate: [string, number], records: readonly unknown[], options: ImportOptions]>([
  ["an organization that is to share an integration", ["kinds:organization", 2], [integration(7, { organizations: [2] })], {}],
  [
    "an integration that has another id here",
    ["kinds:shared", 7],
    [integration(8, { name: "x", organizations: [1] })],
    { onConflict: "merge" },
  ],
  [
    "the organization of a project that has another id here",
    ["kinds:organization", 1],
    [project(1, "mine", 1), rule(2)],
    { onConflict: "remap" },
  ],
])("%s is locked before the file is compared with what is here", async ([, aggregate, records, options], { own: db }) => {
  await importRecords(db, [organization(1), organization(2), project(1, "others", 2), integration(7, { organizations: [1] })]);
  await importRecords(db, [organization(1), project(1, "mine", 1), rule(1)], { onConflict: "remap" });
  expect(await waitedIn(db, aggregate, records, options)).toBe("locking kinds");
});
