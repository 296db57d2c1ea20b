import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { openDatabase } from "../../src/db/orm.ts";
import { runImport } from "../../src/import/import.ts";
import { type AnsweredReason, answeredReasons } from "../../src/server/interceptors/declared.ts";
import { createUser, unique, value } from "../support/build.ts";
import { isCancel, startCancelProxy } from "../support/cancel-proxy.ts";
import { createClients } from "../support/clients.ts";
import { test as base, silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { exportFile, exportUser } from "../support/exports.ts";
import { testConfig } from "../support/service.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

/** `small` is a service with two connections to the database; `blocked` holds what a statement waits for, until it is left. */
const test = base
  .extend("small", { scope: "file" }, async ({ databaseUrl }, { onCleanup }) => {
    const app = await startApp(testConfig(databaseUrl, { DATABASE_POOL_SIZE: "2" }), silent, { migrate: true });
    const clients = createClients(app);
    onCleanup(async () => {
      clients.close();
      await app[Symbol.asyncDispose]();
    });
    return clients.byKind["grpc-js"];
  })
  .extend("blocked", { scope: "file" }, async ({ db }) => async (lock: string) => {
    const transaction = await db.sql.startTransaction().execute();
    await sql.raw(lock).execute(transaction);
    return { [Symbol.asyncDispose]: async () => void (await transaction.rollback().execute()) };
  })
  .extend("waiting", { scope: "file" }, async ({ db }) => async (): Promise<number> => {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(db.sql);
    return rows[0]?.count ?? 0;
  });

type Clients = ReturnType<typeof createClients>["byKind"]["grpc-js"];
type Options = { readonly signal: AbortSignal };
/** A table whose writes are held up, and what is called then. */
type Case = readonly [what: string, lock: string, call: (clients: Clients, userId: bigint, options: Options) => Promise<unknown>];

const writesTo = (table: string): string => `lock table ${table} in share mode`;
const readsOf = (table: string): string => `lock table ${table} in access exclusive mode`;

const user = () => ({ email: `${unique()}@example.com` });

const streamed = async function* () {
  yield { user: { ...user(), username: unique() } };
};

const cases: readonly Case[] = [
  ["a read", readsOf("user_option"), ({ options }, userId, signal) => options.getOption({ userId, key: "k" }, signal)],
  ["a list", readsOf("users"), ({ users }, _, signal) => users.listUsers({ search: "ann" }, signal)],
  [
    "a write of one row by a statement",
    writesTo("user_option"),
    ({ options }, userId, signal) => options.setOption({ userId, key: "k", value: value(1) }, signal),
  ],
  [
    "a write of one row by the ORM",
    writesTo("users"),
    ({ users }, id, signal) => users.updateUser({ user: { id, name: unique() } }, signal),
  ],
  ["a read inside a write", readsOf("user_option"), ({ options }, userId, signal) => options.deleteOption({ userId, key: "k" }, signal)],
  [
    "a wait for the lock of a user",
    "select from aggregate_version for update",
    ({ options }, userId, signal) => options.setOption({ userId, key: "k", value: value(2) }, signal),
  ],
  [
    "a wait for a request_id",
    "lock table idempotency in share mode",
    ({ users }, _, signal) => users.createUser({ user: user(), requestId: crypto.randomUUID() }, signal),
  ],
  [
    "a batch of options",
    writesTo("user_option"),
    ({ options }, userId, signal) => options.batchSetOptions({ entries: [{ userId, key: "b", value: value(1) }] }, signal),
  ],
  ["a batch of users", writesTo("users"), ({ users }, _, signal) => users.batchCreateUsers({ users: [user()] }, signal)],
  [
    "a change set",
    writesTo("user_option"),
    ({ options }, userId, signal) =>
      options.applyOptionChanges({ userId, changes: [{ change: { case: "set", value: { key: "c", value: value(1) } } }] }, signal),
  ],
  ["a purge", writesTo("users"), ({ users }, id, signal) => users.purgeUser({ id }, signal)],
  ["a stream of users", writesTo("users"), ({ users }, _, signal) => users.importUsers(streamed(), signal)],
];

const freed = async (waiting: () => Promise<number>, ended: number) => {
  while ((await waiting()) > 0) if (Date.now() - ended > 2_000) break;
  expect(Date.now() - ended).toBeLessThan(200);
};

const byWay: readonly (readonly [string, Case])[] = [
  ["read", cases[0] as Case],
  ["write", cases[2] as Case],
  ["write of several statements", cases[3] as Case],
];

test.for(byWay)(
  "a cancel that PostgreSQL has dropped is sent again: a %s",
  async ([, [, lock, call]], { databaseUrl, small, blocked, waiting }) => {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.use(await startCancelProxy(databaseUrl, { passes: (number) => number > 1 }));
    const app = stack.use(await startApp(testConfig(proxy.url), silent, { migrate: false }));
    const clients = createClients(app);
    stack.defer(() => clients.close());
    const { id } = await createUser(small);
    await using _ = await blocked(lock);
    const controller = new AbortController();
    const refused = expectRefusal(call(clients.byKind["grpc-js"], id, { signal: controller.signal }), "Canceled");
    await expect.poll(waiting, { timeout: 5_000 }).toBe(1);
    controller.abort();
    await refused;
    await expect.poll(proxy.cancels, { timeout: 5_000 }).toBeGreaterThanOrEqual(2);
    await expect.poll(waiting, { timeout: 5_000 }).toBe(0);
  },
);

test.for(byWay)(
  "what waits for the end of another call's cancel is not sent once it is cancelled itself: a %s",
  async ([, [, lock, call]], { databaseUrl, small, blocked, waiting }) => {
    await using stack = new AsyncDisposableStack();
    const ended = Promise.withResolvers<void>();
    const proxy = stack.use(await startCancelProxy(databaseUrl, { ended: ended.promise }));
    const app = stack.use(await startApp(testConfig(proxy.url, { DATABASE_POOL_SIZE: "2" }), silent, { migrate: false }));
    const clients = createClients(app);
    stack.defer(() => clients.close());
    const own = clients.byKind["grpc-js"];
    const ids = [(await createUser(small)).id, (await createUser(small)).id];
    const reasons: string[] = [];
    const note = (message: unknown) => void reasons.push((message as AnsweredReason).reason);
    answeredReasons.subscribe(note);
    stack.defer(() => void answeredReasons.unsubscribe(note));
    const cancelled = async (calls: readonly ((options: Options) => Promise<unknown>)[], begun: () => Promise<unknown>) => {
      const controller = new AbortController();
      const refused = calls.map((one) => expectRefusal(one({ signal: controller.signal }), "Canceled"));
      await begun();
      reasons.length = 0;
      controller.abort();
      await Promise.all(refused);
      // The client does not wait for the service, which learns of it later.
      await expect.poll(() => reasons, { interval: 5 }).toEqual(calls.map(() => "CALL_CANCELLED"));
    };
    await using _ = await blocked(lock);
    const [, lockOfUsers, write] = cases[5] as Case;
    await using __ = await blocked(lockOfUsers);
    const both = (one: Case[2]) => ids.map((id) => (options: Options) => one(own, id, options));
    await cancelled(both(write), () => expect.poll(waiting, { timeout: 5_000 }).toBe(2));
    await expect.poll(waiting, { timeout: 5_000 }).toBe(0);
    // Both connections wait for the end of their cancels, and these calls for the connections.
    await cancelled(both(call), () => delay(200));
    ended.resolve();
    await Promise.all(ids.map((id) => own.users.getUser({ id, consistency: { mode: { case: "fullyConsistent", value: true } } })));
    expect(await waiting()).toBe(0);
  },
);

// Again if need be: a busy machine may take longer to look than the database to end.
describe("a call that is cancelled frees its SQL within 200 ms, with every connection of the pool in use:", { retry: 3 }, () => {
  test.for(cases)("%s", async ([what, lock, call], { small, blocked, waiting }) => {
    const ids = [(await createUser(small)).id, (await createUser(small)).id];
    await using _ = await blocked(lock);
    const clients = ids.map((id) => ({ id, controller: new AbortController() }));
    const calls = clients.map(({ id, controller }) => expectRefusal(call(small, id, { signal: controller.signal }), "Canceled"));
    // Reads of one kind that come at once are one statement.
    await expect.poll(waiting, { timeout: 5_000 }).toBe(what === "a read" ? 1 : 2);
    for (const { controller } of clients) controller.abort();
    await freed(waiting, Date.now());
    await Promise.all(calls);
  });

  test("the merge of an import, at Ctrl-C", async ({ databaseUrl, blocked, waiting }) => {
    await using one = await openDatabase({ database: { kind: "postgres", url: databaseUrl }, poolSize: 1 }, silent);
    await using _ = await blocked(writesTo("users"));
    const stop = new AbortController();
    const file = exportFile([exportUser(4_711)]);
    const imported = runImport({ ...one, secretKey: new Uint8Array(32) }, file, { signal: stop.signal });
    const ended = expect(imported).rejects.toThrow("stopped");
    await expect.poll(waiting, { timeout: 5_000 }).toBe(1);
    stop.abort(new Error("stopped"));
    await freed(waiting, Date.now());
    await ended;
  });

  test("a statement that computes", async ({ databaseUrl, db }) => {
    await using own = await openDatabase({ database: { kind: "postgres", url: databaseUrl }, poolSize: 2 }, silent);
    const computing = async () =>
      (await sql`select from pg_stat_activity where query like 'select /* computing */%' and state = 'active'`.execute(db.sql)).rows.length;
    const stop = new AbortController();
    const run = () =>
      own.sql
        .transaction()
        .execute((tx) =>
          sql`select /* computing */ count(*) from generate_series(1, 1e9) n`.execute(tx, own.abort({ signal: stop.signal })),
        );
    const runs = [run(), run()].map((running) => expect(running).rejects.toThrow("stopped"));
    await expect.poll(computing, { timeout: 5_000 }).toBe(2);
    stop.abort(new Error("stopped"));
    await freed(computing, Date.now());
    await Promise.all(runs);
  });
});

test("a cancel that comes late never ends a statement of another call", async ({ databaseUrl }) => {
  await using own = await openDatabase({ database: { kind: "postgres", url: databaseUrl }, poolSize: 3 }, silent);
  let others = 0;
  const round = async (index: number) => {
    const stop = new AbortController();
    const isCancelled = index % 2 === 0;
    const abort = own.abort({ signal: stop.signal });
    // About as long as a statement takes, so that many cancels meet its end.
    if (isCancelled) setTimeout(() => stop.abort(new Error("stopped")), Math.random() * 6);
    const statement = sql`select pg_sleep(${Math.random() * 0.004})`;
    const run = index % 3 === 0 ? statement.execute(own.sql, abort) : own.sql.transaction().execute((tx) => statement.execute(tx, abort));
    if (isCancelled) await run.catch((error: Error) => expect(error.message).toBe("stopped"));
    else {
      await run;
      others += 1;
    }
  };
  const rounds = Array.from({ length: 600 }, (_, index) => index).values();
  const worker = async () => {
    for (const index of rounds) await round(index);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  expect(others).toBe(300);
});

test("a server that can't be told loses the connection, and the next statement gets another one", async ({ databaseUrl }) => {
  const { hostname, port } = new URL(databaseUrl);
  await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  await using own = await openDatabase({ database: { kind: "postgres", url: proxy.through(databaseUrl) }, poolSize: 2 }, silent);
  const pid = async () => (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(own.sql)).rows[0]?.pid;
  const before = await pid();
  const lost = proxy.cut({ when: isCancel, moment: "before" });
  const stop = new AbortController();
  const run = sql`select pg_sleep(1)`.execute(own.sql, own.abort({ signal: stop.signal }));
  await delay(50);
  stop.abort(new Error("stopped"));
  await expect(run).rejects.toThrow("stopped");
  await lost;
  await expect.poll(() => proxy.connections()).toBe(0);
  expect(await pid()).not.toBe(before);
});
