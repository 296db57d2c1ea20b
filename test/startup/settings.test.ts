import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { ConfigError, loadConfig } from "../../src/config.ts";
import { test } from "../support/database.ts";
import { expectSentence } from "../support/sentence.ts";
import { runUserd, SECRET_KEY, temporaryFolder } from "../support/userd.ts";

const faultsOf = (settings: NodeJS.ProcessEnv): string[] => {
  try {
    loadConfig(settings, {});
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split("\n");
  }
};

test("wrong settings are named all at once, each with what it has to be", async () => {
  const settings = {
    GRPC_LISTEN: "50051",
    HTTP_LISTEN: "127.0.0.1:99999",
    DATABASE_URL: "mysql://x",
    DATABASE_POOL_SIZE: "0",
    MAX_CONCURRENT_CALLS: "many",
    LOG_LEVEL: "loud",
    SECRET_KEY: "short",
    INSECURE: "perhaps",
    DRAIN_SECONDS: "-1",
  };
  const faults = faultsOf(settings);
  expect(faults.map((fault) => fault.split(" ")[0]).sort()).toEqual(Object.keys(settings).sort());
  const { code, stdout, stderr } = await runUserd(["serve"], { settings });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toBe(`userd: ${faults.join("\n")}\n`);
});

test("a number is decimal digits, and nothing that JavaScript takes for one besides", () => {
  for (const text of ["0x10", "1e1", " 5", "5.0", "+5", "٥", "five"]) {
    expect(faultsOf({ DATABASE_POOL_SIZE: text }), text).toEqual(["DATABASE_POOL_SIZE must be a whole number from 1 to 500"]);
  }
  expect(faultsOf({ DATABASE_POOL_SIZE: "5" })).toEqual([]);
});

test("PostgreSQL needs a SECRET_KEY, since all instances share it", () => {
  const [fault] = faultsOf({ DATABASE_URL: "postgres://localhost/x" });
  expect(fault).toMatch(/^SECRET_KEY is required with PostgreSQL: all instances share it; make one with: openssl rand -base64 32$/);
  expect(faultsOf({ DATABASE_URL: "postgres://localhost/x", SECRET_KEY })).toEqual([]);
});

describe("the start ends in one sentence when", { concurrent: true, timeout: 60_000 }, () => {
  test.for(["GRPC_LISTEN", "HTTP_LISTEN"])("%s is taken", async (setting, { databaseUrl }) => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const settings = { DATABASE_URL: databaseUrl, [setting]: `127.0.0.1:${port}` };
    const refused = await runUserd(["serve"], { settings });
    server.close();
    expectSentence(refused, 2, new RegExp(`^userd: ${setting} 127\\.0\\.0\\.1:${port} is in use by another process$`, "m"));
  });

  test.for([
    [
      "credentials",
      { PLAINTEXT: "true" },
      /GRPC_LISTEN 0\.0\.0\.0:0 is open to the network, but nobody has to show credentials: set TOKEN_FILE/,
    ],
    ["TLS", { TOKEN_FILE: "callers.json" }, /GRPC_LISTEN 0\.0\.0\.0:0 is open to the network without TLS, .* set TLS_CERT and TLS_KEY/],
  ] as const)("it would be open to a network without %s", async ([, settings, sentence], { databaseUrl }) => {
    const refused = await runUserd(["serve"], { settings: { DATABASE_URL: databaseUrl, GRPC_LISTEN: "0.0.0.0:0", ...settings } });
    expectSentence(refused, 2, sentence);
  });

  test.for([
    [{ TLS_CERT: "a.pem" }, /TLS_CERT and TLS_KEY are set together/],
    [{ TLS_CERT: "/nowhere/a.pem", TLS_KEY: "/nowhere/a.key" }, /TLS_CERT can't be used \(ENOENT\)/],
    [{ TLS_CLIENT_CA: "ca.pem" }, /TLS_CLIENT_CA needs TOKEN_FILE/],
    [{ TLS_CERT: "a.pem", TLS_KEY: "a.key", TLS_CRL: "a.crl" }, /TLS_CRL needs TLS_CLIENT_CA/],
    [{ TLS_CLIENT_CA: "ca.pem", TOKEN_FILE: "callers.json" }, /TLS_CLIENT_CA needs TLS_CERT and TLS_KEY/],
    [{ TRUSTED_PROXIES: "10.0.0.0/8, proxy" }, /TRUSTED_PROXIES must be a network/],
    [{ PEER_HEADER: "X-Forwarded-For" }, /PEER_HEADER must be the name of a header in lower case/],
  ] as const)("%j does not hold", async ([settings, sentence], { databaseUrl }) => {
    expectSentence(await runUserd(["serve"], { settings: { DATABASE_URL: databaseUrl, ...settings } }), 2, sentence);
  });

  test("the token file is wrong", async ({ databaseUrl }) => {
    await using home = await temporaryFolder();
    const file = join(home.path, "tokens.json");
    const start = () => runUserd(["serve"], { settings: { DATABASE_URL: databaseUrl, TOKEN_FILE: file } });
    expectSentence(await start(), 2, /TOKEN_FILE .* can't be read \(ENOENT\)/);
    await writeFile(file, '{"callers": [{"name": "billing", "token_sha256": "s3cret-token", "permissions": ["users.read"]}]}');
    const refused = await start();
    expectSentence(refused, 2, /TOKEN_FILE .* callers\.0\.token_sha256 must be the SHA-256 of the token/);
    expect(refused.stderr).not.toContain("s3cret-token");
  });
});
