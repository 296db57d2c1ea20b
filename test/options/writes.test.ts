import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { expect } from "vitest";
import { createUser, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

test("O12 an equal value moves no version, no time and no etag, and is not logged", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const logged = async () => (await db.sql.selectFrom("changes").select("id").where("aggregate_id", "=", userId).execute()).length;
  const version = async () =>
    (await db.sql.selectFrom("aggregate_version").select("version").where("id", "=", userId).executeTakeFirstOrThrow()).version;
  const first = await options.setOption({ userId, key: "k", value: value({ a: 1, b: [1, 2] }) });
  const before = [await logged(), await version()];
  const second = await options.setOption({ userId, key: "k", value: value({ b: [1.0, 2], a: 1 }) });
  expect(second).toMatchObject({ created: false, changed: false, option: first.option });
  expect([await logged(), await version()]).toEqual(before);
  await options.setOption({ userId, key: "k", value: value({ a: 2 }) });
  expect([await logged(), await version()]).toEqual(before.map((count) => (typeof count === "bigint" ? count + 1n : count + 1)));
});

test("what SetOption changes is logged and kept as what plain SQL changes, though no trigger looks at it", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const users = await Promise.all([createUser(clients["grpc-js"]), createUser(clients["grpc-js"])]);
  const [byCalls, bySql] = users.map(({ id }) => id) as [bigint, bigint];
  const soon = new Date(Date.now() + 3_600_000);
  const call = (json: unknown, expireTime?: Date) =>
    options.setOption({
      userId: byCalls,
      key: "k",
      projectId: 7n,
      value: value(json as never),
      ...(expireTime && { expireTime: timestampFromMs(expireTime.getTime()) }),
    });
  const update = (set: string) =>
    sql.raw(`update user_option set ${set}, update_time = now(), version = version + 1 where user_id = ${bySql}`).execute(db.sql);
  const expire = (id: bigint) =>
    sql`update user_option set expire_time = now() - interval '1 second' where user_id = ${id}`.execute(db.sql);

  await call(1);
  await call({ a: [1] });
  await call({ a: [1] }, soon);
  await call("both");
  await expire(byCalls);
  await call("both");

  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value) values (${bySql}, 2, 7, 'k', '1')`.execute(db.sql);
  await update(`value = '{"a": [1]}'`);
  await update(`expire_time = '${soon.toISOString()}'`);
  await update(`value = '"both"', expire_time = null`);
  await expire(bySql);
  await update(`expire_time = null, create_time = now() + interval '1 second'`);

  const logOf = (id: bigint) =>
    db.sql
      .selectFrom("changes")
      .select(["kind", "key", "operation", "changed_columns", "aggregate_kind", "version", "changed", "project_id", "acting_user_id"])
      .where("aggregate_id", "=", id)
      .where("kind", "=", "user_option")
      .orderBy("id")
      .execute();
  const keptOf = async (id: bigint) =>
    (
      await sql`select scope_kind, scope_id, key, value, expire_time is null as is_for_ever from option_revision
      where user_id = ${id} order by option_revision.id`.execute(db.sql)
    ).rows;
  const log = await logOf(byCalls);
  expect(log).toHaveLength(6);
  expect(log).toEqual(await logOf(bySql));
  expect(await keptOf(byCalls)).toEqual(await keptOf(bySql));
  // A version that no row of the log tells of would have one here.
  const bumps = await sql`select from version_bump where aggregate_id = ${String(byCalls)}`.execute(db.sql);
  expect(bumps.rows).toEqual([]);
});

test("O14 100 concurrent first sets make one row, and the last acknowledged value is read", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => options.setOption({ userId, key: "raced", value: value(index) }, { timeoutMs: 20_000 })),
  );
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  const rows = await db.sql.selectFrom("user_option").selectAll().where("user_id", "=", userId).execute();
  expect(rows).toHaveLength(1);
  // Every acknowledged write moved the version by one; the last of them is what is stored.
  const versionOf = (etag = "") => Number(etag.split(".")[1]);
  const last = answers.reduce((a, b) => (versionOf(a.option?.etag) > versionOf(b.option?.etag) ? a : b));
  expect(versionOf(last.option?.etag)).toBe(100);
  expect((await options.getOption({ userId, key: "raced" })).option).toEqual(last.option);
});

test("O16 two writes with one request_id that race give one answer", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const request = { userId, key: "k", value: value(1), requestId: crypto.randomUUID() };
  const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => options.setOption(request)));
  for (const other of others) expect(other).toEqual(first);
  const { version } = await db.sql.selectFrom("user_option").select("version").where("user_id", "=", userId).executeTakeFirstOrThrow();
  expect(version).toBe(1);
});

test("a request_id is forgotten after 24 hours", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const requestId = crypto.randomUUID();
  await options.setOption({ userId, key: "k", value: value(1), requestId });
  await sql`update idempotency set create_time = now() - interval '25 hours' where request_id = ${requestId}::uuid`.execute(db.sql);
  expect(await options.setOption({ userId, key: "k", value: value(2), requestId })).toMatchObject({ changed: true });
});

test("an option past its expire_time reads as absent, and setting it anew creates it", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const soon = timestampFromMs(Date.now() + 60_000);
  const first = await options.setOption({ userId, key: "k", value: value(1), expireTime: soon });
  expect(first.option?.expireTime).toEqual(soon);
  expect(await options.setOption({ userId, key: "k", value: value(1), expireTime: soon })).toMatchObject({ changed: false });
  await sql`update user_option set expire_time = now() - interval '1 second' where user_id = ${userId}`.execute(db.sql);
  expect(await options.getOption({ userId, key: "k" })).toMatchObject({ found: false });
  expect((await options.listOptions({ userId })).options).toEqual([]);
  expect((await options.batchGetOptions({ userIds: [userId] })).results[0]?.options).toEqual([]);
  await expectRefusal(options.deleteOption({ userId, key: "k" }), "NotFound", "OPTION_NOT_FOUND");
  await expectRefusal(options.setOption({ userId, key: "k", value: value(1), etag: first.option?.etag ?? "" }), "Aborted", "ETAG_MISMATCH");
  const again = await options.setOption({ userId, key: "k", value: value(1) });
  expect(again).toMatchObject({ created: true, changed: true });
  expect(again.option?.expireTime).toBeUndefined();
  for (const expireTime of [timestampFromMs(Date.now() - 1_000), timestampFromMs(253_402_300_800_000)]) {
    const refused = expectRefusal(options.setOption({ userId, key: "k", value: value(1), expireTime }), "InvalidArgument", "FIELD_INVALID");
    expect((await refused).fields).toEqual(["expire_time"]);
  }
});

test("a write of many users at once never deadlocks and never fails", async ({ clients }) => {
  const { options } = clients["grpc-js"];
  const users = await Promise.all(Array.from({ length: 5 }, () => createUser(clients["grpc-js"])));
  const writes = Array.from({ length: 100 }, (_, index) => {
    const { id: userId = 0n } = users[index % users.length] ?? {};
    return options.setOption({ userId, key: `k${index % 3}`, value: value(index) }, { timeoutMs: 20_000 });
  });
  await expect(Promise.all(writes)).resolves.toHaveLength(100);
});

test("the change log tells who changed what, and holds no value", async ({ clients, db }) => {
  const { options } = clients["Connect JSON"];
  const { id: userId } = await createUser(clients["Connect JSON"]);
  const headers = { "x-request-id": "req-77", "x-acting-user-id": String(userId) };
  await options.setOption({ userId, key: "k", value: value("s3cret"), projectId: 3n }, { headers });
  const [entry] = await db.sql.selectFrom("changes").selectAll().where("aggregate_id", "=", userId).orderBy("id", "desc").execute();
  expect(entry).toMatchObject({
    kind: "user_option",
    key: "2/3/k",
    operation: "insert",
    caller: "local",
    acting_user_id: userId,
    request_id: "req-77",
  });
  expect(JSON.stringify(entry, (_, field) => (typeof field === "bigint" ? String(field) : field))).not.toContain("s3cret");
});
