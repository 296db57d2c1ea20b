import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { test as base, testConfig } from "../support/service.ts";

const BOUND_MS = 250;

/** Two services of a short bound over one database. */
const test = base.extend("pair", async ({ databaseUrl }, { onCleanup }) => {
  const stack = new AsyncDisposableStack();
  onCleanup(() => stack.disposeAsync());
  const start = async () => {
    const app = stack.use(await startApp(testConfig(databaseUrl, { CACHE_STALENESS_MS: String(BOUND_MS) }), silent, { migrate: false }));
    const clients = createClients(app);
    stack.defer(() => clients.close());
    return clients.byKind["grpc-js"];
  };
  return { here: await start(), there: await start() };
});

test("last_active lags by no more than the bound, even while other reads vouch for the user", async ({ pair: { here, there } }) => {
  const { id: userId } = await createUser(here);
  await here.options.setOption({ userId, key: "k", value: value(1) });
  await there.users.getUser({ id: userId });
  await here.users.recordActivity({ userId });
  const until = performance.now() + 2 * BOUND_MS;
  while (performance.now() < until) {
    // Renews the lease of the user, and nothing but that.
    await there.options.getOption({ userId, key: "k" });
    await delay(20);
  }
  const { user } = await there.users.getUser({ id: userId });
  expect(user?.lastActive).toBeDefined();
});
