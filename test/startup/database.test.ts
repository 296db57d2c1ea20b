import pg from "pg";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { openForCommand } from "../../src/db/open.ts";
import { openDatabase } from "../../src/db/orm.ts";
import { migrations } from "../../src/schema/migrations/index.ts";
import { cloneDatabase, createDatabase, silent, type TestDatabase, test } from "../support/database.ts";
import { expectSentence } from "../support/sentence.ts";
import { startDatabaseProxy } from "../support/tcp-proxy.ts";
import { runUserd, SECRET_KEY } from "../support/userd.ts";

const secretKey = Buffer.from(SECRET_KEY, "base64");
const configOf = (url: string) => ({ database: { kind: "postgres" as const, url }, poolSize: 1, secretKey });

/** Runs one statement in a database. */
const query = async (url: string, statement: string): Promise<unknown[]> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
};

describe("a database that can't be used ends the start in one sentence:", { concurrent: true, timeout: 60_000 }, () => {
  let empty: TestDatabase;
  beforeAll(async () => {
    empty = await createDatabase();
  });
  afterAll(() => empty[Symbol.asyncDispose]());

  test("it is not there", async () => {
    const settings = { DATABASE_URL: "postgres://u:s3cret@127.0.0.1:1/postgres" };
    const refused = await runUserd(["serve"], { settings });
    expectSentence(refused, 5, /^userd: The database at 127\.0\.0\.1:1 can't be reached: connect ECONNREFUSED 127\.0\.0\.1:1\.$/m);
    expect(refused.stderr).not.toContain("s3cret");
  });

  test("it does not answer", async () => {
    await using proxy = await startDatabaseProxy(empty.url);
    proxy.hang(true);
    const started = Date.now();
    await expect(openForCommand(configOf(proxy.through(empty.url)), silent)).rejects.toThrow(/^The database at .* can't be reached: /);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  test("the name of the host or of the database is wrong", async () => {
    await expect(openForCommand(configOf("postgres://nowhere.invalid/x"), silent)).rejects.toThrow(
      /^The database at nowhere\.invalid can't be reached: /,
    );
    const url = new URL(empty.url);
    url.pathname = "/nosuchdb";
    await expect(openForCommand(configOf(url.href), silent)).rejects.toThrow(/can't be used: database "nosuchdb" does not exist\.$/);
  });

  test("it holds somebody else's tables, which stay as they are", async () => {
    await using foreign = await createDatabase();
    await query(foreign.url, "create table invoice as select 1 as id");
    const refused = await runUserd(["serve"], { settings: { DATABASE_URL: foreign.url } });
    expectSentence(refused, 1, /holds tables that are not userd's \(invoice\): give userd a database of its own/);
    expect(await query(foreign.url, "select relname from pg_class where relnamespace = 'public'::regnamespace")).toEqual([
      { relname: "invoice" },
    ]);
  });

  test("a newer version has migrated it", async () => {
    await using newer = await cloneDatabase();
    await query(newer.url, "insert into userd_migrations (name) values ('29991231000000-future')");
    const refused = await runUserd(["migrate"], { settings: { DATABASE_URL: newer.url } });
    expectSentence(refused, 1, /was migrated by another version of userd \(29991231000000-future\): start that version or a newer one/);
  });

  test("it is from before the first release", async () => {
    await using older = await cloneDatabase();
    await query(older.url, "update userd_migrations set name = '20261120000000-initial'");
    const refused = await runUserd(["serve"], { settings: { DATABASE_URL: older.url } });
    expectSentence(refused, 1, /^userd: The database is from before userd's first release, and can't be upgraded: .*$/m);
  });

  test("migrations are pending, and the start may not run them", async () => {
    const refused = await runUserd(["serve", "--no-migrate"], { settings: { DATABASE_URL: empty.url } });
    expectSentence(refused, 1, /has \d+ pending migrations?: run `userd migrate`, or start without --no-migrate/);
    expect(await query(empty.url, "select from pg_class where relnamespace = 'public'::regnamespace")).toEqual([]);
  });

  test("the role may not create tables", async () => {
    await using database = await createDatabase();
    const role = `userd_test_${new URL(database.url).pathname.slice(-12)}`;
    await query(database.url, `create role ${role} login password 'x'`);
    try {
      const url = new URL(database.url);
      url.username = role;
      url.password = "x";
      const refused = await runUserd(["serve"], { settings: { DATABASE_URL: url.href } });
      expectSentence(refused, 1, /^userd: The database can't be migrated: .*permission denied for schema public\.$/m);
    } finally {
      await query(database.url, `drop role ${role}`);
    }
  });
});

test("two instances that start at once migrate an empty database once", async () => {
  await using database = await createDatabase();
  const start = async () => {
    await using db = await openDatabase(configOf(database.url), silent);
    return await migrate(db, silent);
  };
  const done = await Promise.all(Array.from({ length: 4 }, start));
  expect(done.filter((names) => names.length > 0)).toHaveLength(1);
  expect(await query(database.url, "select count(*)::int as count from userd_migrations")).toEqual([{ count: migrations.length }]);
});
