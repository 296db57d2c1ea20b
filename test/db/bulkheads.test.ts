import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { silent, test } from "../support/database.ts";
import { testConfig } from "../support/service.ts";

/** A lock that somebody else holds, until it is disposed. */
const lock = async (url: string, table: string): Promise<AsyncDisposable> => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`begin; lock table ${table} in access exclusive mode`);
  return {
    [Symbol.asyncDispose]: async () => {
      await client.query("rollback");
      await client.end();
    },
  };
};

/** The reason of an error. grpc-js itself ends a call at its deadline, and gives none. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof ConnectError)) return String(error);
  return error.findDetails(ErrorInfoSchema)[0]?.reason ?? (error.code === Code.DeadlineExceeded ? "DEADLINE_PASSED" : error.message);
};

test("a table that somebody has locked fails what needs it, and nothing else", { timeout: 30_000 }, async ({ databaseUrl }) => {
  await using app = await startApp(testConfig(databaseUrl, { DATABASE_POOL_SIZE: "8", CACHE_STALENESS_MS: "30000" }), silent, {
    migrate: true,
  });
  const clients = createClients(app);
  const { options, users } = clients.byKind["grpc-js"];
  const all = await Promise.all(Array.from({ length: 30 }, () => createUser(clients.byKind["grpc-js"])));
  const [cached] = all;
  await options.setOption({ userId: cached?.id ?? 0n, key: "a", value: value(1) });
  await options.getOption({ userId: cached?.id ?? 0n, key: "a" });
  {
    await using _ = await lock(databaseUrl, "user_option");
    const waiting = all.flatMap(({ id: userId }) => [
      options.setOption({ userId, key: "b", value: value(2) }, { timeoutMs: 1_500 }),
      options.listOptions({ userId }, { timeoutMs: 1_500 }),
    ]);
    const failed = Promise.allSettled(waiting);
    await delay(100);
    const ready = async () => (await fetch(`http://${formatAddress(app.httpAddress)}/readyz`)).status;
    for (let round = 0; round < 5; round += 1) {
      const { user } = await users.createUser({ user: { email: `bulkhead-${round}@example.com` } }, { timeoutMs: 1_000 });
      expect(user?.id).toBeGreaterThan(0n);
      const { id = 0n } = all[round] ?? {};
      expect(
        (await users.getUser({ id, consistency: { mode: { case: "fullyConsistent", value: true } } }, { timeoutMs: 1_000 })).user?.id,
      ).toBe(id);
      expect(await options.getOption({ userId: cached?.id ?? 0n, key: "a" })).toMatchObject({ found: true });
      expect(await ready()).toBe(200);
    }
    for (const outcome of await failed) {
      // Some may have waited until the table was free.
      if (outcome.status === "rejected") expect(reasonOf(outcome.reason)).toMatch(/^(DEADLINE_PASSED|OVERLOADED)$/);
    }
  }
  expect(await options.setOption({ userId: cached?.id ?? 0n, key: "c", value: value(3) })).toMatchObject({ created: true });
  clients.close();
});

test("many writes to one user don't take the connections of others", { timeout: 30_000 }, async ({ databaseUrl }) => {
  await using app = await startApp(testConfig(databaseUrl, { DATABASE_POOL_SIZE: "4" }), silent, { migrate: true });
  const clients = createClients(app);
  const { options } = clients.byKind["grpc-js"];
  const [busy, other] = [await createUser(clients.byKind["grpc-js"]), await createUser(clients.byKind["grpc-js"])];
  const holder = new pg.Client(databaseUrl);
  await holder.connect();
  await holder.query("begin");
  await holder.query("select from aggregate_version where kind = 'user' and id = $1 for update", [busy.id]);
  // As many as one connection takes at once, or the others could not even be sent.
  const writes = Promise.allSettled(
    Array.from({ length: 90 }, (_, index) => options.setOption({ userId: busy.id, key: "a", value: value(index) }, { timeoutMs: 25_000 })),
  );
  await delay(200);
  for (let round = 0; round < 5; round += 1) {
    expect(await options.setOption({ userId: other.id, key: `k${round}`, value: value(round) }, { timeoutMs: 10_000 })).toMatchObject({
      created: true,
    });
  }
  await holder.query("rollback");
  await holder.end();
  // test/db/places.test.ts shows that too many are refused.
  for (const outcome of await writes) expect(outcome.status).toBe("fulfilled");
  clients.close();
});
