import { type App, startApp } from "../../../src/app.ts";
import { openDatabase } from "../../../src/db/orm.ts";
import { applyKinds } from "../../../src/kinds/mounted/apply.ts";
import { loadKinds } from "../../../src/kinds/mounted/load.ts";
import type { KindSet } from "../../../src/schema/kind-set.ts";
import { createClients } from "../../support/clients.ts";
import { silent } from "../../support/database.ts";
import { test as base, testConfig } from "../../support/service.ts";
import { type Change, ticketSet } from "./set.ts";

/** The setting KINDS with the built-in kinds and the tickets, as they are changed. */
export const ticketSetting = (changes: readonly Change[] = []): string => `builtin,${ticketSet(changes)}`;

/** The kinds of a setting. */
export const kindsOf = (setting: string): KindSet => loadKinds(testConfig("pglite:memory", { KINDS: setting })).kinds;

/** Opens a database with the kinds of a setting. */
export const openWith = (url: string, setting: string) =>
  openDatabase({ database: { kind: "postgres", url }, poolSize: 4 }, silent, kindsOf(setting));

/** Applies the kinds of a setting to a database. */
export const apply = async (url: string, setting: string) => {
  await using db = await openWith(url, setting);
  return await applyKinds(db);
};

/** Makes the test whose service is over a database to which the kinds of a setting are applied; its clients are made of their descriptors. */
export const testWith = (setting: string) =>
  base
    .extend("service", { scope: "file" }, async ({ databaseUrl }, { onCleanup }): Promise<App> => {
      await apply(databaseUrl, setting);
      const app = await startApp(testConfig(databaseUrl, { KINDS: setting }), silent, { migrate: true });
      onCleanup(() => app[Symbol.asyncDispose]());
      return app;
    })
    .extend("clients", { scope: "file" }, async ({ service }, { onCleanup }) => {
      const clients = createClients(service, undefined, kindsOf(setting));
      onCleanup(() => clients.close());
      return clients.byKind;
    });

/** The setting of the file's service. */
export const KINDS: string = ticketSetting();

/** The service with the tickets as they are. */
export const test = testWith(KINDS);
