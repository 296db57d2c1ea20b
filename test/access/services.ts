import type { App } from "../../src/app.ts";
import { startApp } from "../../src/app.ts";
import { type Clients, createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { test as base, testConfig } from "../support/service.ts";

/** Under which policies the same database is served, and by which clients. */
export type Policies = Readonly<Record<"owner_only" | "account_wide", Clients>>;

/** `policies` are the clients of two services over the file's database, one for each read policy. */
export const test = base.extend("policies", { scope: "file" }, async ({ clients, databaseUrl }, { onCleanup }): Promise<Policies> => {
  const app: App = await startApp(testConfig(databaseUrl, { READ_POLICY: "account_wide" }), silent, { migrate: false });
  const wide = createClients(app);
  onCleanup(async () => {
    wide.close();
    await app[Symbol.asyncDispose]();
  });
  return { owner_only: clients["grpc-js"], account_wide: wide.byKind["grpc-js"] };
});

/** The names of the policies. */
export const policyNames = ["owner_only", "account_wide"] as const;
