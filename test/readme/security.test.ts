import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { permissions } from "../../src/permissions.ts";
import { issuedOf, readRevocations } from "../../src/server/revocations.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { needTools, root, runScript, temporaryFolder } from "../foreign/tools.ts";
import { connectSecurely } from "../server/secure-clients.ts";
import { silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test, testConfig } from "../support/service.ts";
import { parseBlocks, sectionOf } from "./blocks.ts";

const text = readFileSync(join(root, "SECURITY.md"), "utf8");
const { files, commands } = sectionOf(parseBlocks(text), "callers");

describe("SECURITY.md", () => {
  test("names all permissions", () => {
    const [, list = ""] = /The permissions are (.*?)\.\s/s.exec(text) ?? [];
    expect(list.match(/\w+\.\w+/g)).toEqual([...permissions]);
  });

  test("makes a token and a token file that the service takes", async ({ databaseUrl, skip }) => {
    needTools(skip, "openssl", "sha256sum", "cut");
    await using folder = await temporaryFolder();
    const printed = await runScript(`${commands[0]?.text}echo "$token"`);
    const [hash = "", token = ""] = printed.split("\n");
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const file = join(folder.path, "callers.json");
    const example = JSON.parse(files[0]?.text ?? "");
    example.callers[0].token_sha256 = hash;
    await writeFile(file, JSON.stringify(example));

    await using app = await startApp(testConfig(databaseUrl, { TOKEN_FILE: file }), silent, { migrate: true });
    const http = `http://${formatAddress(app.httpAddress)}`;
    const call = async (rpc: string, authorization?: string) => {
      const headers = { "content-type": "application/json", ...(authorization !== undefined && { authorization }) };
      const answer = await fetch(`${http}/userd.v1.UserService/${rpc}`, {
        method: "POST",
        headers,
        body: rpc === "GetUser" ? '{"id": 1}' : '{"user": {"id": 1}}',
      });
      return answer.status;
    };
    expect(await call("GetUser")).toBe(401);
    expect(await call("GetUser", "Bearer another")).toBe(401);
    expect(await call("GetUser", `Bearer ${token}`)).toBe(404);
    expect(await call("UpdateUser", `Bearer ${token}`)).toBe(403);
    for (const page of ["healthz", "readyz", "metrics"]) expect((await fetch(`${http}/${page}`)).status).toBe(200);
  });
});

describe("docs/security.md", () => {
  test("makes a CA and certificates with which a caller is known", async ({ databaseUrl, skip }) => {
    needTools(skip, "openssl");
    await using folder = await temporaryFolder();
    const at = (file: string) => join(folder.path, file);
    const { commands } = sectionOf(parseBlocks(readFileSync(join(root, "docs/security.md"), "utf8")), "tls");
    expect(commands).toHaveLength(3);
    await runScript(commands.map((block) => block.text).join(""), { cwd: folder.path });
    const callers = [{ name: "billing", subject_alt_names: ["spiffe://example.org/billing"], permissions: ["options.read"] }];
    await writeFile(at("callers.json"), JSON.stringify({ callers }));

    const settings = { TLS_CERT: at("server.pem"), TLS_KEY: at("server.key"), TLS_CLIENT_CA: at("ca.pem"), TOKEN_FILE: at("callers.json") };
    await using app = await startApp(testConfig(databaseUrl, settings), silent, { migrate: true });
    for (const kind of ["grpc-js", "Connect over HTTP/2"] as const) {
      using client = connectSecurely(kind, app, at("ca.pem"), { cert: at("billing.pem"), key: at("billing.key") });
      // Who is known learns that the user is not there.
      await expectRefusal(client.options.getOption({ userId: 1n, key: "timezone" }), "NotFound", "USER_NOT_FOUND");
    }
    const { revoked } = readRevocations(readFileSync(at("ca.crl"), "utf8"));
    expect([...revoked]).toEqual([issuedOf(new X509Certificate(readFileSync(at("billing.pem"))).raw)]);
  });
});
