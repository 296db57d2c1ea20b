import { type App, startApp } from "../../src/app.ts";
import type { Call } from "../../src/call.ts";
import { type Config, loadConfig } from "../../src/config.ts";
import { permissions } from "../../src/permissions.ts";
import { type ClientKind, type Clients, clientKinds, createClients } from "./clients.ts";
import { test as base, silent } from "./database.ts";
import { testTransport } from "./transport.ts";

/** The settings of a service for tests: free ports, no output, no waiting at the end. */
export const testConfig = (databaseUrl: string, settings: NodeJS.ProcessEnv = {}): Config =>
  loadConfig(
    {
      DATABASE_URL: databaseUrl,
      SECRET_KEY: Buffer.alloc(32, 7).toString("base64"),
      GRPC_LISTEN: "127.0.0.1:0",
      GRPC_TRANSPORT: testTransport,
      HTTP_LISTEN: "127.0.0.1:0",
      DRAIN_SECONDS: "0",
      LOG_LEVEL: "silent",
      DATABASE_POOL_SIZE: "10",
      // The machine of the tests is busy with other tests: that is no overload.
      MIN_CONCURRENT_CALLS: "512",
      CACHE_SAMPLE_SECONDS: "0",
      ...settings,
    },
    {},
  );

/** A call for tests that need an operation's surroundings without a transport. */
export const testCall = (call: Partial<Call> = {}): Call => ({
  method: "test",
  caller: { name: "test", permissions: new Set(permissions) },
  signal: new AbortController().signal,
  deadline: Date.now() + 10_000,
  requestId: "test",
  log: silent,
  ...call,
});

/** `service` is the whole service over the file's database; `clients` are its clients, by kind. */
export const test = base
  .extend("service", { scope: "file" }, async ({ databaseUrl }, { onCleanup }): Promise<App> => {
    const app = await startApp(testConfig(databaseUrl), silent, { migrate: true });
    onCleanup(() => app[Symbol.asyncDispose]());
    return app;
  })
  .extend("clients", { scope: "file" }, async ({ service }, { onCleanup }): Promise<Record<ClientKind, Clients>> => {
    const clients = createClients(service);
    onCleanup(() => clients.close());
    return clients.byKind;
  });

/** What cases need that run over more than one database. */
export type ServiceTest = typeof test;

export { clientKinds };
