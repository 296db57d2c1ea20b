import { setTimeout as delay } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { sql } from "kysely";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { openDatabase } from "../../src/db/orm.ts";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { test as base, silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { testConfig } from "../support/service.ts";
import { startDatabaseProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { isCommitOfStatement, isCommitOfWrite } from "../support/write-commit.ts";

/** A service that reaches its database through a proxy. */
const test = base
  .extend("proxy", { scope: "file" }, async ({ databaseUrl }, { onCleanup }): Promise<TcpProxy> => {
    const proxy = await startDatabaseProxy(databaseUrl);
    onCleanup(() => proxy[Symbol.asyncDispose]());
    return proxy;
  })
  .extend("service", { scope: "file" }, async ({ databaseUrl, proxy }, { onCleanup }) => {
    const app = await startApp(testConfig(proxy.through(databaseUrl)), silent, { migrate: true });
    onCleanup(() => app[Symbol.asyncDispose]());
    return app;
  })
  .extend("clients", { scope: "file" }, async ({ service }, { onCleanup }) => {
    const clients = createClients(service);
    onCleanup(() => clients.close());
    return clients.byKind["grpc-js"];
  });

const isStatement = (text: string) => (chunk: Buffer) => chunk.includes(text);

test("a connection that is lost before the commit is no error: the write runs again, and is stored once", async ({
  clients,
  proxy,
  db,
}) => {
  const { options } = clients;
  const { id: userId } = await createUser(clients);
  await options.setOption({ userId, key: "lost", value: value(0) });
  for (const [moment, number] of [
    ["before", 1],
    ["after", 2],
  ] as const) {
    // What the statement was bound to.
    const cut = proxy.cut({ when: isStatement("lost"), moment });
    expect(await options.setOption({ userId, key: "lost", value: value(number) })).toMatchObject({ created: false, changed: true });
    await cut;
  }
  const { rows } = await sql`select version from changes where kind = 'user_option' and aggregate_id = ${userId} order by id`.execute(
    db.sql,
  );
  expect(rows).toEqual([{ version: 2n }, { version: 3n }, { version: 4n }]);
});

test("without a request_id a connection that is lost during the commit is COMMIT_UNKNOWN, too", async ({ clients, proxy }) => {
  const { options } = clients;
  const { id: userId } = await createUser(clients);
  for (const [moment, isStored] of [
    ["before", false],
    ["after", true],
  ] as const) {
    const cut = proxy.cut({ when: isCommitOfStatement, moment });
    await expectRefusal(options.setOption({ userId, key: moment, value: value(1) }), "Unknown", "COMMIT_UNKNOWN");
    await cut;
    const consistency = { mode: { case: "fullyConsistent" as const, value: true } };
    expect((await options.getOption({ userId, key: moment, consistency })).found).toBe(isStored);
  }
});

test("idle connections that were reset are no error", async ({ clients, proxy }) => {
  const { options } = clients;
  const { id: userId } = await createUser(clients);
  await Promise.all(Array.from({ length: 5 }, () => options.getOption({ userId, key: "k" })));
  proxy.reset();
  expect(await options.setOption({ userId, key: "k", value: value(1) })).toMatchObject({ created: true });
});

test("a connection that is lost during COMMIT is COMMIT_UNKNOWN, and the request_id tells the outcome", async ({ clients, proxy, db }) => {
  const { options } = clients;
  for (const moment of ["before", "after"] as const) {
    const { id: userId } = await createUser(clients);
    const request = { userId, key: "k", value: value(1), requestId: crypto.randomUUID() };
    const cut = proxy.cut({ when: isCommitOfWrite, moment });
    await expectRefusal(options.setOption(request), "Unknown", "COMMIT_UNKNOWN");
    await cut;
    const stored = async () => (await db.sql.selectFrom("user_option").select("id").where("user_id", "=", userId).execute()).length;
    await expect.poll(stored).toBe(moment === "after" ? 1 : 0);
    // The answer is that of the first write, if there was one.
    expect(await options.setOption(request)).toMatchObject({ created: true, changed: true });
    expect(await stored()).toBe(1);
  }
});

test("without a database calls are UNAVAILABLE, writes in under 100 ms; when it is back so are the answers", async ({ clients, proxy }) => {
  const { options, users } = clients;
  const { id: userId } = await createUser(clients);
  await proxy.stop();
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const started = performance.now();
    const { error } = await expectRefusal(
      options.setOption({ userId, key: "k", value: value(round) }),
      "Unavailable",
      "DATABASE_UNAVAILABLE",
    );
    times.push(performance.now() - started);
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay).toBeDefined();
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).not.toMatch(/127\.0\.0\.1|ECONN/);
  }
  expect(times.toSorted((a, b) => a - b)[2]).toBeLessThan(100);
  await expectRefusal(users.getUser({ id: userId }), "Unavailable", "DATABASE_UNAVAILABLE");
  await proxy.start();
  expect(await options.setOption({ userId, key: "k", value: value("back") })).toMatchObject({ created: true });
});

test("a database that hangs ends no call later than its deadline, and nothing is stuck afterwards", async ({ clients, proxy }) => {
  const { options } = clients;
  const { id: userId } = await createUser(clients);
  proxy.hang(true);
  const started = Date.now();
  const calls = Array.from({ length: 25 }, () => options.getOption({ userId, key: "k" }, { timeoutMs: 500 }));
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toEqual([]);
  expect(Date.now() - started).toBeLessThan(1_500);
  proxy.hang(false);
  proxy.reset();
  await expect.poll(async () => (await options.getOption({ userId, key: "k" })).found, { timeout: 5_000 }).toBe(false);
});

test("a connection that went silent gives its place in the pool back; one that the server works for keeps it", async ({ databaseUrl }) => {
  await using proxy = await startDatabaseProxy(databaseUrl);
  const url = proxy.through(databaseUrl);
  await using db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2, silenceMs: 500 }, silent);
  const one = () => sql<{ one: number }>`select ${1}::int as one`.execute(db.sql);
  await Promise.all([one(), one()]);
  const slow = sql`select pg_sleep(${1.5})`.execute(db.sql);
  await expect(slow).resolves.toBeDefined();

  proxy.hang(true);
  const stuck = Promise.allSettled([one(), one()]);
  // Nothing of the lost statements will ever arrive, though the database can be reached again.
  await delay(100);
  proxy.hang(false);
  expect((await stuck).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect((await one()).rows).toEqual([{ one: 1 }]);
});

test("connections that the database ends by itself are no error", async ({ clients, db }) => {
  const { options } = clients;
  const { id: userId } = await createUser(clients);
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`.execute(db.sql);
  expect(await options.setOption({ userId, key: "k", value: value(1) })).toMatchObject({ created: true });
});
