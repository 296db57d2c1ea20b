import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { type App, startApp } from "../../src/app.ts";
import { createUser, unique, value } from "../support/build.ts";
import { type Clients, createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { hasRedis, startRedis } from "../support/redis.ts";
import { test as base, testConfig } from "../support/service.ts";

type Pair = { readonly here: Clients; readonly there: Clients };

const BOUND_MS = 1_000;

/** Starts a service of its own over the database of the file. */
const start = async (databaseUrl: string, settings: NodeJS.ProcessEnv): Promise<App & { clients: Clients; close: () => Promise<void> }> => {
  const app = await startApp(testConfig(databaseUrl, { CACHE_STALENESS_MS: String(BOUND_MS), ...settings }), silent, { migrate: true });
  const clients = createClients(app);
  return {
    ...app,
    clients: clients.byKind["grpc-js"],
    close: async () => {
      clients.close();
      await app[Symbol.asyncDispose]();
    },
  };
};

/** Two services over one database: with a Redis between them, or with nothing but the database. */
const alone = base.extend("pair", { scope: "file" }, async ({ databaseUrl }, { onCleanup }): Promise<Pair> => {
  const [here, there] = [await start(databaseUrl, {}), await start(databaseUrl, {})];
  onCleanup(() => Promise.all([here.close(), there.close()]).then(() => undefined));
  return { here: here.clients, there: there.clients };
});

const shared = base
  .extend("redis", { scope: "file" }, async ({}, { onCleanup }) => {
    const redis = await startRedis();
    onCleanup(() => redis[Symbol.asyncDispose]());
    return redis;
  })
  .extend("pair", { scope: "file" }, async ({ databaseUrl, redis }, { onCleanup }): Promise<Pair> => {
    const settings = { CACHE_URL: redis.url };
    const [here, there] = [await start(databaseUrl, settings), await start(databaseUrl, settings)];
    onCleanup(() => Promise.all([here.close(), there.close()]).then(() => undefined));
    return { here: here.clients, there: there.clients };
  });

const stored = (json: string) => ({ found: true, value: { kind: { case: "stringValue", value: json } } });

/** Writes here and reads with the token there, over and over. */
const readYourWrites = async ({ here, there }: Pair, rounds: number): Promise<void> => {
  const { id: userId } = await createUser(here);
  for (let round = 0; round < rounds; round += 1) {
    const json = `v${round}`;
    // Held there, so that it is the token that makes the difference.
    await there.options.getOption({ userId, key: "k" });
    const { consistencyToken } = await here.options.setOption({ userId, key: "k", value: value(json) });
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
    expect(await there.options.getOption({ userId, key: "k", consistency })).toMatchObject(stored(json));
  }
};

describe("two processes and a database", () => {
  alone("O39 write here, read with its token there: the new value, always", ({ pair }) => readYourWrites(pair, 100));

  alone("O39 so do names: who has one, and that nobody has it any more", async ({ pair: { here, there } }) => {
    const [username, other] = [unique("name-"), unique("name-")];
    const byName = async (name: string, consistencyToken?: string) => {
      const consistency = consistencyToken === undefined ? {} : { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
      const { results } = await there.users.lookupUsers({ keys: [{ key: { case: "username", value: name } }], consistency });
      return results[0]?.user?.id;
    };
    expect(await byName(username)).toBeUndefined();
    const { user, consistencyToken: created } = await here.users.createUser({ user: { username, email: `${username}@example.com` } });
    expect(await byName(username, created)).toBe(user?.id);
    expect(await byName(other)).toBeUndefined();
    const { consistencyToken: renamed } = await here.users.updateUser({ user: { id: user?.id ?? 0n, username: other } });
    expect(await byName(other, renamed)).toBe(user?.id);
    expect(await byName(username, renamed)).toBeUndefined();
  });

  alone("O40 write here, read without a token there: new within the bound", async ({ pair: { here, there } }) => {
    const { id: userId } = await createUser(here);
    await there.options.getOption({ userId, key: "k" });
    await here.options.setOption({ userId, key: "k", value: value("new") });
    await delay(BOUND_MS + 20);
    expect(await there.options.getOption({ userId, key: "k" })).toMatchObject(stored("new"));
  });

  alone("the next read of the process that wrote is new", async ({ pair: { here } }) => {
    const { id: userId } = await createUser(here);
    for (let round = 0; round < 50; round += 1) {
      await here.options.setOption({ userId, key: "k", value: value(`v${round}`) });
      expect(await here.options.getOption({ userId, key: "k" })).toMatchObject(stored(`v${round}`));
    }
  });

  alone("a token is refused that nobody has issued, and one that is newer than the database", async ({ pair: { here } }) => {
    const { id: userId } = await createUser(here);
    const { consistencyToken } = await here.options.setOption({ userId, key: "k", value: value(1) });
    const tampered = `${consistencyToken.slice(0, -2)}${consistencyToken.endsWith("AA") ? "BB" : "AA"}`;
    const read = here.options.getOption({ userId, key: "k", consistency: { mode: { case: "atLeastAsFresh", value: tampered } } });
    await expect(read).rejects.toThrow(/is not a token of this service/);
  });
});

describe.skipIf(!hasRedis)("two processes, a database and a Redis (skipped without redis-server)", () => {
  shared("O39 write here, read with its token there: the new value, always", ({ pair }) => readYourWrites(pair, 100));

  shared("a notification makes the new value visible at once, most of the time", async ({ pair: { here, there } }) => {
    const { id: userId } = await createUser(here);
    await there.options.getOption({ userId, key: "k" });
    await here.options.setOption({ userId, key: "k", value: value("new") });
    await expect.poll(() => there.options.getOption({ userId, key: "k" }), { interval: 5, timeout: BOUND_MS }).toMatchObject(stored("new"));
  });

  shared("what Redis holds can't be read: neither values nor addresses nor names", async ({ pair: { here }, redis }) => {
    const secret = unique("canary");
    const { id: userId } = await createUser(here, { username: secret, email: `${secret}@example.com`, name: secret });
    await here.options.setOption({ userId, key: "k", value: value(secret) });
    await here.options.getOption({ userId, key: "k" });
    await here.users.getUser({ id: userId });
    await here.users.lookupUsers({ keys: [{ key: { case: "email", value: `${secret}@example.com` } }] });
    await expect.poll(async () => (await redis.contents()).length).toBeGreaterThan(4);
    const held = JSON.stringify(await redis.contents());
    for (const text of [secret, Buffer.from(secret).toString("base64").slice(0, 12)]) expect(held).not.toContain(text);
  });

  shared("O41 Redis hung, stopped or restarted empty: the same answers, no error", async ({ pair: { here, there }, redis }) => {
    const { id: userId } = await createUser(here);
    const check = async (json: string) => {
      const { consistencyToken } = await here.options.setOption({ userId, key: "k", value: value(json) });
      const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
      expect(await there.options.getOption({ userId, key: "k", consistency })).toMatchObject(stored(json));
      expect(await here.options.getOption({ userId, key: "k" })).toMatchObject(stored(json));
    };
    await check("before");
    redis.hang(true);
    await check("hung");
    // O40 with every notification lost: nothing else tells the other process.
    await delay(BOUND_MS + 20);
    await here.options.setOption({ userId, key: "k", value: value("unheard") });
    await delay(BOUND_MS + 20);
    expect(await there.options.getOption({ userId, key: "k" })).toMatchObject(stored("unheard"));
    redis.hang(false);
    await redis.flush();
    await check("flushed");
    await redis.kill();
    await check("stopped");
    await redis.start();
    await check("restarted");
  });
});
