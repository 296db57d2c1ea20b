import { sql } from "kysely";
import pg from "pg";
import { expect } from "vitest";
import { createUser, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { json } from "./json.ts";

/** Opens a connection in whose transaction the version of a user is locked. */
const openWithLock = async (databaseUrl: string, userId: bigint) => {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query("begin");
  await client.query("select from aggregate_version where kind = 'user' and id = $1 for update", [String(userId)]);
  return { client, [Symbol.asyncDispose]: () => client.end() };
};

test("an option that plain SQL changes between the look and the lock is changed all the same, by one version", async ({
  clients,
  db,
  databaseUrl,
}) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  await options.setOption({ userId, key: "k", value: value(1) });
  await using other = await openWithLock(databaseUrl, userId);
  const answer = options.setOption({ userId, key: "k", value: value("of the call") });
  const waits = async () =>
    (
      await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%store_option(%'`.execute(
        db.sql,
      )
    ).rows.length;
  await expect.poll(waits).toBe(1);
  await other.client.query("update user_option set value = '2', version = version + 1 where user_id = $1", [String(userId)]);
  await other.client.query("commit");
  expect(await answer).toMatchObject({ created: false, changed: true });
  expect(json((await options.getOption({ userId, key: "k" })).value)).toBe("of the call");
  const { rows: log } = await sql`select version, caller, changed_columns from changes
    where kind = 'user_option' and aggregate_id = ${userId} order by id`.execute(db.sql);
  expect(log).toEqual([
    { version: 2n, caller: "local", changed_columns: null },
    { version: 3n, caller: "sql", changed_columns: ["value"] },
    { version: 4n, caller: "local", changed_columns: ["value"] },
  ]);
  const version = await sql`select version from aggregate_version where kind = 'user' and id = ${userId}`.execute(db.sql);
  expect(version.rows).toEqual([{ version: 4n }]);
  expect((await sql`select from version_bump where aggregate_id = ${String(userId)}`.execute(db.sql)).rows).toEqual([]);
  expect((await options.listOptionRevisions({ userId, key: "k" })).revisions.map((revision) => json(revision.value))).toEqual([
    "of the call",
    2,
    1,
  ]);
});

test("what a change set changes is logged and kept as plain SQL has it; what is equal, new or expired is what it was by itself", async ({
  clients,
  db,
}) => {
  const { options } = clients["grpc-js"];
  const users = await Promise.all([createUser(clients["grpc-js"]), createUser(clients["grpc-js"])]);
  const [byCalls, bySql] = users.map(({ id }) => id) as [bigint, bigint];
  const set = (key: string, number: number, projectId = 0n) => ({
    change: { case: "set" as const, value: { key, value: value(number), projectId } },
  });
  for (const userId of [byCalls, bySql]) {
    await options.applyOptionChanges({ userId, changes: [set("a", 1), set("b", 1), set("c", 1), set("d", 1, 7n)] });
    await sql`update user_option set expire_time = now() - interval '1 second' where user_id = ${userId} and key = 'c'`.execute(db.sql);
  }
  const { options: answered } = await options.applyOptionChanges({
    userId: byCalls,
    changes: [set("new", 1), set("d", 2, 7n), set("c", 1), set("b", 1), set("a", 2)],
  });
  expect(answered.map(({ key, value: one }) => [key, json(one)])).toEqual([
    ["new", 1],
    ["d", 2],
    ["c", 1],
    ["b", 1],
    ["a", 2],
  ]);
  expect((await options.listOptions({ userId: byCalls, allScopes: true })).options.toSorted((x, y) => (x.key < y.key ? -1 : 1))).toEqual(
    answered.toSorted((x, y) => (x.key < y.key ? -1 : 1)),
  );
  await db.sql.transaction().execute(async (tx) => {
    await sql`update user_option set update_time = now(), version = version + 1, value = case when key = 'c' then value else '2' end,
        expire_time = null, create_time = case when key = 'c' then now() + interval '1 second' else create_time end
      where user_id = ${bySql} and key in ('a', 'c', 'd')`.execute(tx);
    await sql`insert into user_option (user_id, scope_kind, scope_id, key, value) values (${bySql}, 0, 0, 'new', '1')`.execute(tx);
  });
  const logOf = async (id: bigint) =>
    (
      await sql`select kind, key, operation, changed_columns, version, changed, project_id from changes
      where aggregate_id = ${id} and kind = 'user_option' and version > 2 order by version, key`.execute(db.sql)
    ).rows;
  const log = await logOf(byCalls);
  expect(log).toHaveLength(5);
  expect(log).toEqual(await logOf(bySql));
  const keptOf = async (id: bigint) =>
    (
      await sql`select scope_kind, scope_id, key, value from option_revision where user_id = ${id} order by key, option_revision.id`.execute(
        db.sql,
      )
    ).rows;
  expect(await keptOf(byCalls)).toEqual(await keptOf(bySql));
  expect((await sql`select from version_bump where aggregate_id = ${String(byCalls)}`.execute(db.sql)).rows).toEqual([]);
});

test("a process that is frozen while a write is open does not keep its lock for ever", async ({ clients, databaseUrl }) => {
  const { id: userId } = await createUser(clients["grpc-js"]);
  await clients["grpc-js"].options.setOption({ userId, key: "k", value: value(1) });
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query(
      "select store_option('', '', '', '', '1000', $1, 0::smallint, 0, 'k', '2', null, false), current_setting('transaction_timeout', true) as bound",
      [String(userId)],
    );
    expect([null, "65s"]).toContain(rows[0].bound);
    expect((await client.query("select from pg_settings where name = 'transaction_timeout'")).rows).toHaveLength(
      rows[0].bound === null ? 0 : 1,
    );
    await client.query("rollback");
  } finally {
    await client.end();
  }
});

test("O37 the last 20 revisions are read, though some older ones are removed later", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const set = (key: string, round: number) => ({ change: { case: "set" as const, value: { key, value: value(round) } } });
  for (let round = 1; round <= 30; round += 1) {
    if (round % 2 === 0) await options.setOption({ userId, key: "k", value: value(round) });
    else await options.applyOptionChanges({ userId, changes: [set("k", round), set("other", round)] });
  }
  const { revisions } = await options.listOptionRevisions({ userId, key: "k" });
  expect(revisions.map((revision) => json(revision.value))).toEqual(Array.from({ length: 20 }, (_, index) => 30 - index));
  const { rows } = await sql<{ id: bigint }>`select id from option_revision where user_id = ${userId} and key = 'k' order by id`.execute(
    db.sql,
  );
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.length).toBeLessThan(28);
  const [oldest] = rows;
  const restored = options.restoreOption({ userId, key: "k", revisionId: oldest?.id ?? 0n });
  await expectRefusal(restored, "NotFound", "REVISION_NOT_FOUND");
});

test("a call that ends while its only statement waits for the lock stores nothing, and leaves its connection as it was", async ({
  clients,
  db,
  databaseUrl,
}) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  await options.setOption({ userId, key: "k", value: value(1) });
  await using other = await openWithLock(databaseUrl, userId);
  const late = options.setOption({ userId, key: "k", value: value(2) }, { timeoutMs: 300 });
  await expectRefusal(late, "DeadlineExceeded");
  const isGone = async () =>
    (
      await sql`select from pg_stat_activity where datname = current_database() and state <> 'idle' and query like '%store_option(%' and pid <> pg_backend_pid()`.execute(
        db.sql,
      )
    ).rows.length === 0;
  // The service may learn of the end after the client: with the lock it would still be in time.
  await expect.poll(isGone, { timeout: 10_000 }).toBe(true);
  await other.client.query("commit");
  const consistency = { mode: { case: "fullyConsistent" as const, value: true } };
  expect(json((await options.getOption({ userId, key: "k", consistency })).value)).toBe(1);
  const users = await Promise.all(Array.from({ length: 20 }, () => createUser(clients["grpc-js"])));
  const answers = await Promise.all(users.map(({ id }) => options.setOption({ userId: id, key: "k", value: value(3) })));
  expect(answers.every(({ changed }) => changed)).toBe(true);
});
