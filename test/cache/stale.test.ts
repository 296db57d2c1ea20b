import { setTimeout as delay } from "node:timers/promises";
import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { describe, expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base, testConfig } from "../support/service.ts";
import { startDatabaseProxy } from "../support/tcp-proxy.ts";

const BOUND_MS = 250;
const tenSeconds = durationFromMs(10_000);

/** A service whose database can be taken away. */
const test = base.extend("cut", async ({ databaseUrl }, { onCleanup }) => {
  const proxy = await startDatabaseProxy(databaseUrl);
  const app = await startApp(testConfig(proxy.through(databaseUrl), { CACHE_STALENESS_MS: String(BOUND_MS) }), silent, { migrate: false });
  const clients = createClients(app);
  onCleanup(async () => {
    clients.close();
    proxy.hang(false);
    proxy.reset();
    await app[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });
  return { proxy, clients: clients.byKind["grpc-js"] };
});

describe("when the database can't be reached", () => {
  test("an option that is held is answered to a caller who says how old it may be, marked and dated", async ({ cut }) => {
    const { clients, proxy } = cut;
    const { id: userId } = await createUser(clients);
    await clients.options.setOption({ userId, key: "k", value: value("held") });
    const fresh = await clients.options.getOption({ userId, key: "k", consistency: { maxStale: tenSeconds } });
    expect(fresh).toMatchObject({ found: true, stale: false });
    expect(durationMs(fresh.age ?? tenSeconds)).toBeLessThanOrEqual(BOUND_MS * 4);

    await proxy.stop();
    await delay(BOUND_MS + 50);
    const stale = await clients.options.getOption({ userId, key: "k", consistency: { maxStale: tenSeconds } });
    expect(stale).toMatchObject({ found: true, stale: true, value: { kind: { value: "held" } } });
    expect(durationMs(stale.age ?? tenSeconds)).toBeGreaterThan(BOUND_MS);
    for (const answer of [
      await clients.options.batchGetOptions({ userIds: [userId], consistency: { maxStale: tenSeconds } }),
      await clients.options.listOptions({ userId, consistency: { maxStale: tenSeconds } }),
    ]) {
      expect(answer).toMatchObject({ stale: true });
    }

    // Not without being asked, not beyond what the caller takes, and not for a strong read.
    await expectRefusal(clients.options.getOption({ userId, key: "k" }), "Unavailable", "DATABASE_UNAVAILABLE");
    const tooShort = durationFromMs(1);
    await expectRefusal(
      clients.options.getOption({ userId, key: "k", consistency: { maxStale: tooShort } }),
      "Unavailable",
      "DATABASE_UNAVAILABLE",
    );
    const strong = { mode: { case: "fullyConsistent" as const, value: true }, maxStale: tenSeconds };
    await expectRefusal(clients.options.getOption({ userId, key: "k", consistency: strong }), "Unavailable", "DATABASE_UNAVAILABLE");
    // Nor what says who may do what.
    await clients.users.getUser({ id: userId, consistency: { maxStale: tenSeconds } }).then(
      () => expect.fail("a user was answered"),
      () => {},
    );

    await proxy.start();
    await expect.poll(() => clients.options.getOption({ userId, key: "k" }).catch(() => undefined)).toMatchObject({ found: true });
  });

  test("a token binds a stale answer too", async ({ cut }) => {
    const { clients, proxy } = cut;
    const { id: userId } = await createUser(clients);
    await clients.options.getOption({ userId, key: "k" });
    const { consistencyToken } = await clients.options.setOption({ userId, key: "k", value: value("new") });
    await proxy.stop();
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken }, maxStale: tenSeconds };
    await expectRefusal(clients.options.getOption({ userId, key: "k", consistency }), "Unavailable", "DATABASE_UNAVAILABLE");
    await proxy.start();
  });

  test("one that hangs does not keep such a caller until the deadline", async ({ cut }) => {
    const { clients, proxy } = cut;
    const { id: userId } = await createUser(clients);
    await clients.options.setOption({ userId, key: "k", value: value("held") });
    await clients.options.getOption({ userId, key: "k" });
    await delay(BOUND_MS + 50);
    proxy.hang(true);
    const answer = await clients.options.getOption({ userId, key: "k", consistency: { maxStale: tenSeconds } }, { timeoutMs: 5_000 });
    expect(answer).toMatchObject({ found: true, stale: true });
  });
});
