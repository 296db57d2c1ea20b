import pg from "pg";
import { expect } from "vitest";
import { openDatabase } from "../../src/db/orm.ts";
import { cloneDatabase, silent, test } from "../support/database.ts";

test("a database that was only read is closed with all of its connections", async () => {
  await using database = await cloneDatabase();
  {
    await using db = await openDatabase({ database: { kind: "postgres", url: database.url }, poolSize: 3 }, silent);
    expect(await db.answers()).toBe(true);
    const counts = await Promise.all(
      Array.from({ length: 3 }, () => db.session().one(db.sql.selectFrom("users").select(({ fn }) => fn.countAll().as("count")))),
    );
    expect(counts).toHaveLength(3);
  }
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    const others = async () =>
      (await client.query("select from pg_stat_activity where datname = current_database() and application_name = 'userd'")).rowCount;
    await expect.poll(others).toBe(0);
  } finally {
    await client.end();
  }
});
