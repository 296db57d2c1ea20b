import { type RawBuilder, sql } from "kysely";
import type { OwnedDatabase } from "../../src/db/open.ts";
import { type Database, openDatabase } from "../../src/db/orm.ts";
import { type ImportOptions, runImport } from "../../src/import/import.ts";
import type { ImportReport } from "../../src/import/report.ts";
import { builtin } from "../../src/schema/kind-set.ts";
import { test as base, cloneDatabase, secretKey, silent } from "../support/database.ts";
import { exportFile } from "../support/exports.ts";

/** Each test has a database of its own: ids of files are fixed. */
export const test = base
  .extend("ownUrl", async ({}, { onCleanup }): Promise<string> => {
    const database = await cloneDatabase();
    onCleanup(() => database[Symbol.asyncDispose]());
    return database.url;
  })
  .extend("own", async ({ ownUrl }, { onCleanup }): Promise<OwnedDatabase> => {
    const db = await openDatabase({ database: { kind: "postgres", url: ownUrl }, poolSize: 4 }, silent);
    onCleanup(() => db[Symbol.asyncDispose]());
    return { ...db, secretKey };
  });

/** Imports records, or the text of a file. */
export const importRecords = (db: OwnedDatabase, content: readonly unknown[] | string, options?: ImportOptions): Promise<ImportReport> =>
  runImport(db, exportFile(content), options);

/** The rows of a query; bigints as text, which is easier to write down. */
export const rowsOf = async <T = Record<string, unknown>>(db: Database, query: RawBuilder<T>): Promise<T[]> =>
  (await query.execute(db.sql)).rows.map((row) =>
    Object.fromEntries(Object.entries(row as object).map(([name, value]) => [name, typeof value === "bigint" ? String(value) : value])),
  ) as T[];

const kindTables = [...builtin.tables.keys()].flatMap((name) => builtin.tables.get(name)?.meta.tableName ?? []);

/** All that may not move when an import changes nothing. */
export const stateOf = (db: Database) =>
  rowsOf(
    db,
    sql`select ${sql.join(kindTables.map((table) => sql`(select jsonb_agg(k order by id) from ${sql.table(table)} k) as ${sql.ref(`kind_${table}`)}`))},
      (select count(*) from changes) as changes,
      (select jsonb_agg(to_jsonb(v) - 'xid' order by kind, id) from aggregate_version v) as versions,
      (select jsonb_agg(v order by digest) from name_version v) as names,
      (select jsonb_agg(u order by id) from users u) as users,
      (select jsonb_agg(e order by id) from user_email e) as emails,
      (select jsonb_agg(o order by id) from user_option o) as options,
      (select jsonb_agg(o order by id) from scope_option o) as scope_options,
      (select jsonb_agg(a order by user_id) from user_activity a) as activity,
      (select jsonb_agg(r order by id) from role r) as roles,
      (select jsonb_agg(a order by id) from authenticator a) as authenticators,
      (select jsonb_agg(i order by id) from user_ip i) as ips,
      (select jsonb_agg(i order by id) from identity i) as identities,
      (select jsonb_agg(i order by id) from auth_identity i) as auth_identities,
      (select jsonb_agg(p order by id) from user_permission p) as permissions,
      (select jsonb_agg(g order by id) from organization g) as organizations,
      (select jsonb_agg(p order by id) from project p) as projects,
      (select jsonb_agg(t order by id) from team t) as teams,
      (select jsonb_agg(m order by id) from organization_member m) as members,
      (select jsonb_agg(m order by id) from team_member m) as team_members,
      (select jsonb_agg(p order by id) from project_team p) as project_teams`,
  );

/** What the report says of one model. */
export const countsOf = (report: ImportReport, model: string) => {
  const { model: _, ...counts } = report.models.find((counted) => counted.model === model) ?? { model };
  return counts;
};

/** Counts of a model with one outcome for all its records. */
export const all = (outcome: "created" | "updated" | "unchanged" | "skipped", read: number) => ({
  read,
  created: 0,
  updated: 0,
  unchanged: 0,
  skipped: 0,
  [outcome]: read,
});
