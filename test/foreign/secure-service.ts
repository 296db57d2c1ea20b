import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startApp } from "../../src/app.ts";
import { permissions } from "../../src/permissions.ts";
import { createAuthority, type KeyPair } from "../support/certificates.ts";
import { silent } from "../support/database.ts";
import { testConfig } from "../support/service.ts";
import { temporaryFolder } from "./tools.ts";

/**
 * The service over TLS on a database, and the environments of foreign clients: `mutual` shows a certificate of a caller who may do all, `unknown`
 * none, and `strange` one of an authority that the service does not trust.
 */
export const startSecureService = async (databaseUrl: string) => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const authority = await createAuthority(folder.path);
  const names = { names: "URI:spiffe://example.org/foreign", usage: "clientAuth" } as const;
  const [server, client] = [await authority.issue("server"), await authority.issue("client", names)];
  const strange = await (await createAuthority(folder.path, "other")).issue("strange", names);
  const tokenFile = join(folder.path, "callers.json");
  const callers = [{ name: "foreign", subject_alt_names: ["spiffe://example.org/foreign"], permissions }];
  await writeFile(tokenFile, JSON.stringify({ callers }));
  const settings = { TLS_CERT: server.cert, TLS_KEY: server.key, TLS_CLIENT_CA: authority.ca, TOKEN_FILE: tokenFile };
  const app = stack.use(await startApp(testConfig(databaseUrl, settings), silent, { migrate: true }));
  const showing = ({ cert, key }: KeyPair): NodeJS.ProcessEnv => ({ USERD_CA: authority.ca, USERD_CERT: cert, USERD_KEY: key });
  const running = stack.move();
  return {
    grpcAddress: `localhost:${app.grpcAddress.port}`,
    httpAddress: `localhost:${app.httpAddress.port}`,
    mutual: showing(client),
    unknown: { USERD_CA: authority.ca } as NodeJS.ProcessEnv,
    strange: showing(strange),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
