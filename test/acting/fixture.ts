import type { Transport } from "@connectrpc/connect";
import { startApp } from "../../src/app.ts";
import { writeCallersFile } from "../server/callers/callers-file.ts";
import { createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { test as base, testConfig } from "../support/service.ts";
import { callersFile } from "./matrix.ts";
import { createWorld, freeze, type World } from "./world.ts";

/** What the matrix is called with: a service whose writes all fail at their commit, and what is in it. */
export type Frozen = { readonly transport: Transport; readonly world: World };

/** `frozen` is made once for a file, over the file's database. */
export const test = base.extend("frozen", { scope: "file" }, async ({ clients, db, databaseUrl }, { onCleanup }): Promise<Frozen> => {
  const world = await createWorld(clients["grpc-js"], db);
  await freeze(db);
  const settings = { TOKEN_FILE: writeCallersFile(callersFile), SCOPE_CHECK: "registered", MAX_CONCURRENT_CALLS: "500" };
  const app = await startApp(testConfig(databaseUrl, settings), silent, { migrate: false });
  const { transports, close } = createClients(app);
  onCleanup(async () => {
    close();
    await app[Symbol.asyncDispose]();
  });
  return { transport: transports["grpc-js"], world };
});
