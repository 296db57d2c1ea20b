import { openCache } from "../../src/cache/open.ts";
import { databaseError } from "../../src/db/faults.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openForCommand } from "../../src/db/open.ts";
import { createOptionRegistry } from "../../src/options/registry/registry.ts";
import { startListeners } from "../../src/server/listeners.ts";
import { createDependencies } from "../../src/services/dependencies.ts";
import { createRoutes } from "../../src/services/routes.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { silent } from "./database.ts";
import { test as base, testConfig } from "./service.ts";

const config = testConfig("pglite:memory");

/** The service over an embedded database in memory: `db` is the one that the service has, since there is no other way in. */
export const test = base
  .extend("db", { scope: "file" }, async ({}, { onCleanup }) => {
    const db = await openForCommand(config, silent);
    onCleanup(() => db[Symbol.asyncDispose]());
    await migrate(db, silent);
    return db;
  })
  .extend("service", { scope: "file" }, async ({ db }, { onCleanup }) => {
    const metrics = createMetrics();
    const registry = createOptionRegistry(config, silent, metrics.registry);
    const owned = { ...db, secretKey: new Uint8Array(32) };
    const listeners = await startListeners({
      config,
      routes: createRoutes(
        createDependencies(owned, config, {
          metrics: metrics.registry,
          registry,
          log: silent,
          cache: await openCache(owned, config, silent),
        }),
      ),
      log: silent,
      metrics,
      explain: databaseError(db.kinds),
      ready: () => true,
    });
    onCleanup(() => listeners[Symbol.asyncDispose]());
    return { ...listeners, reload: async () => {} };
  });
