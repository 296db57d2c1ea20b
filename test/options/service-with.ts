import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { type App, startApp } from "../../src/app.ts";
import { type Clients, createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { testConfig } from "../support/service.ts";

/** A registry file that a test may change. */
export type RegistryFile = AsyncDisposable & { readonly path: string; readonly write: (yaml: string) => Promise<void> };

/** Writes a registry file; it is gone when disposed. */
export const registryFile = async (yaml: string): Promise<RegistryFile> => {
  const folder = await mkdtemp(join(tmpdir(), "userd-registry-"));
  const path = join(folder, "definitions.yaml");
  const write = (text: string) => writeFile(path, text);
  await write(yaml);
  return { path, write, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
};

/** A service beside that of the file, over the same database but with settings of its own. */
export type ServiceWith = AsyncDisposable & Clients & { readonly app: App };

/** Starts it. */
export const serviceWith = async (databaseUrl: string, settings: NodeJS.ProcessEnv, log: Logger = silent): Promise<ServiceWith> => {
  const app = await startApp(testConfig(databaseUrl, settings), log, { migrate: false });
  const { byKind, close } = createClients(app);
  return {
    ...byKind["grpc-js"],
    app,
    [Symbol.asyncDispose]: async () => {
      close();
      await app[Symbol.asyncDispose]();
    },
  };
};
