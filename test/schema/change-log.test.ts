import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { kinds } from "../../src/schema/entities.ts";
import { unique } from "../support/build.ts";
import { test } from "../support/database.ts";

/** Columns that the trigger leaves out of `changed_columns`: they follow from the others. A kind's version is its etag. */
const DERIVED = ["id", "version", "update_time"];
const DERIVED_OF_KINDS = ["id", "etag"];
const tablesOfKinds = kinds.map(({ table }) => table);

/** Columns of tracked tables, but for generated ones, that their trigger does not compare: a migration added them and did not call track_changes. */
const untracked = async (db: Database): Promise<string[]> => {
  const { rows } = await sql<{ column: string }>`
    select c.relname || '.' || a.attname as column
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and a.attgenerated = ''
    where t.tgname = c.relname || '_updated'
      and a.attname <> all(case when c.relname = any(${tablesOfKinds}::text[]) then ${DERIVED_OF_KINDS}::text[] else ${DERIVED}::text[] end)
      and position(format('o.%1$I is distinct from r.%1$I', a.attname) in p.prosrc) = 0
    order by 1`.execute(db.sql);
  return rows.map(({ column }) => column);
};

const addUser = async (db: Database): Promise<bigint> => {
  const name = unique("n");
  const { rows } = await sql<{ id: bigint }>`
    insert into users (username, username_canonical) values (${name}, ${name}) returning id`.execute(db.sql);
  return rows[0]?.id ?? 0n;
};

const addOption = (db: Pick<Database, "sql">, userId: bigint, key: string) =>
  sql`insert into user_option (user_id, scope_kind, scope_id, key, value) values (${userId}, 0, 0, ${key}, '1')`.execute(db.sql);

const versionOf = async (db: Database, userId: bigint): Promise<bigint> =>
  (await db.sql.selectFrom("aggregate_version").select("version").where("id", "=", userId).executeTakeFirst())?.version ?? 0n;

const logOf = (db: Database, userId: bigint) =>
  db.sql
    .selectFrom("changes")
    .select(["kind", "operation", "changed_columns", "version"])
    .where("aggregate_id", "=", userId)
    .orderBy("id")
    .execute();

test("every table that can be observed has its triggers", async ({ db }) => {
  const { rows } = await sql<{ name: string; triggers: string[] }>`
    select c.relname as name, array_agg(t.tgname::text order by t.tgname) filter (where t.tgname is not null) as triggers
    from pg_class c left join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by 1 order by 1`.execute(db.sql);
  expect(
    rows.filter(({ triggers }) => triggers === null).map(({ name }) => name),
    "select track_changes for the table in its migration, as src/schema/migrations/initial/tracked.ts does; or name it here, if no answer shows its rows",
  ).toEqual([
    "audit_chain", // the sequencer alone writes it, after the commits
    "charge",
    "check_in",
    "event",
    "feed", // the order of what the change log has
    "feed_head",
    "idempotency",
    "import_origin", // imports alone read it
    "merge_discard", // of a merge, which is followed
    "merge_move",
    "merge_part",
    "option_revision", // changes with its option only, whose trigger moves the version
    "parted_history", // no answer shows it
    "password_reset",
    "user_activity",
    "user_ip",
    "user_search",
    "userd_migrations",
    "version_bump",
  ]);
  // The triggers on versions log bumps; those of erasures refuse changes.
  const versions = ["aggregate_version", "canonical_name", "erasure", "name_version"];
  for (const { name, triggers } of rows.filter((row) => row.triggers !== null && !versions.includes(row.name))) {
    const own = ["deleted", "inserted", "kept", "updated"].map((suffix) => `${name}_${suffix}`);
    expect(triggers).toEqual(expect.arrayContaining(own));
  }
});

test("every trigger compares every column of its table; a column that is added later is found", async ({ db }) => {
  expect(await untracked(db), "select track_changes for the table once more in the migration that adds the column").toEqual([]);
  await sql`alter table user_email add column added text`.execute(db.sql);
  expect(await untracked(db)).toEqual(["user_email.added"]);
  await sql`select track_changes('user_email', '''user''', 'r.user_id', 'r.id')`.execute(db.sql);
  expect(await untracked(db)).toEqual([]);
  await sql`alter table user_email drop column added`.execute(db.sql);
  await sql`select track_changes('user_email', '''user''', 'r.user_id', 'r.id')`.execute(db.sql);
});

test("the entities and the migrations agree", async ({ db }) => {
  expect(
    await db.orm.schema.getUpdateSchemaSQL({ wrap: false }),
    "npm run migration:create -- NAME writes the difference as a migration, which src/schema/migrations/index.ts has to list",
  ).toBe("");
});

/** What is read here of the schema that the next migration is compared with. */
type Snapshot = { readonly tables: readonly { readonly name: string; readonly columns: Readonly<Record<string, unknown>> }[] };

test("the snapshot and the migrations agree: the next migration creates nothing that is there", async ({ db }) => {
  const snapshot = readFileSync(new URL("../../src/schema/migrations/.snapshot.json", import.meta.url), "utf8");
  const { tables } = JSON.parse(snapshot) as Snapshot;
  const known = tables.flatMap(({ name, columns }) => Object.keys(columns).map((column) => `${name}.${column}`));
  const { rows } = await sql<{ name: string }>`
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'public' and table_name <> 'userd_migrations'`.execute(db.sql);
  expect(known.toSorted(), "commit .snapshot.json as npm run migration:create -- NAME has left it").toEqual(
    rows.map(({ name }) => name).toSorted(),
  );
});

describe("the version of a user", () => {
  test("I1 moves once per transaction, however much the transaction changes", async ({ db }) => {
    const userId = await addUser(db);
    expect(await versionOf(db, userId)).toBe(1n);
    await db.sql.transaction().execute(async (tx) => {
      for (const key of ["a", "b", "c"]) await addOption({ sql: tx }, userId, key);
      await sql`update users set name = 'x' where id = ${userId}`.execute(tx);
      await sql`delete from user_option where user_id = ${userId} and key = 'c'`.execute(tx);
    });
    expect(await versionOf(db, userId)).toBe(2n);
    expect((await logOf(db, userId)).map(({ version }) => version)).toEqual([1n, 2n, 2n, 2n, 2n, 2n]);
  });

  test("moves for both users when a row changes its owner", async ({ db }) => {
    const [from, to] = [await addUser(db), await addUser(db)];
    await addOption(db, from, "k");
    await sql`update user_option set user_id = ${to} where user_id = ${from}`.execute(db.sql);
    expect([await versionOf(db, from), await versionOf(db, to)]).toEqual([3n, 2n]);
    expect((await logOf(db, from)).at(-1)).toMatchObject({ kind: "user_option", operation: "delete" });
    expect((await logOf(db, to)).at(-1)).toMatchObject({ kind: "user_option", operation: "insert" });
  });

  test("does not move when nothing changes, and nothing is logged", async ({ db }) => {
    const userId = await addUser(db);
    await addOption(db, userId, "k");
    const before = [await versionOf(db, userId), await logOf(db, userId)];
    await sql`update user_option set value = '1' where user_id = ${userId}`.execute(db.sql);
    await sql`update users set name = name where id = ${userId}`.execute(db.sql);
    await sql`delete from user_option where user_id = ${userId} and key = 'absent'`.execute(db.sql);
    expect([await versionOf(db, userId), await logOf(db, userId)]).toEqual(before);
  });

  test("does not move when a transaction is rolled back", async ({ db }) => {
    const userId = await addUser(db);
    const failed = db.sql.transaction().execute(async (tx) => {
      await addOption({ sql: tx }, userId, "k");
      throw new Error("rolled back");
    });
    await expect(failed).rejects.toThrow("rolled back");
    expect(await versionOf(db, userId)).toBe(1n);
  });

  test("an update names the columns that changed", async ({ db }) => {
    const userId = await addUser(db);
    await sql`update users set name = 'x', is_active = false where id = ${userId}`.execute(db.sql);
    expect((await logOf(db, userId)).at(-1)).toMatchObject({ operation: "update", changed_columns: ["name", "is_active"] });
  });
});

test.for([
  "delete from userd_changes.rest",
  "update changes set caller = 'nobody'",
  "delete from changes",
  "truncate changes",
  "truncate user_option",
  "truncate users cascade",
])("%s is refused", async (statement, { db }) => {
  await addUser(db);
  const { rows: before } = await sql`select count(*) as count from changes`.execute(db.sql);
  await expect(sql.raw(statement).execute(db.sql)).rejects.toThrow(/is refused/);
  expect((await sql`select count(*) as count from changes`.execute(db.sql)).rows).toEqual(before);
});
