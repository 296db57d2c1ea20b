import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { assertExposure, readTokenFile } from "../../src/server/callers.ts";
import { clientKinds } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { startServer, validRequest } from "./server.ts";

const write = (content: unknown): string => {
  const path = join(mkdtempSync(join(tmpdir(), "userd-tokens-")), "tokens.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

const sha256 = (token: string): string => createHash("sha256").update(token).digest("hex");

const tokenFile = write({
  callers: [
    { name: "reader", token_sha256: sha256("canary-reader"), permissions: ["options.read"] },
    { name: "nobody", token_sha256: sha256("canary-nobody"), permissions: [] },
  ],
});

const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe.for(clientKinds)("with a token file, through %s", (kind) => {
  test("a caller is who its token says, and may do what the file says", async () => {
    const names: string[] = [];
    await using server = await startServer(
      {
        getOption: (call) => {
          names.push(call.caller.name);
          return {};
        },
      },
      { tokenFile },
    );
    const { options } = server.clients[kind];
    await options.getOption(validRequest, bearing("canary-reader"));
    await options.getOption(validRequest, { headers: { authorization: "bearer canary-reader" } });
    expect(names).toEqual(["reader", "reader"]);
    const { info } = await expectRefusal(
      options.deleteOption(validRequest, bearing("canary-reader")),
      "PermissionDenied",
      "PERMISSION_REQUIRED",
    );
    expect(info?.metadata).toEqual({ permission: "options.write" });
  });

  test.for([
    ["no credentials", {}],
    ["an unknown token", bearing("canary-unknown")],
    ["another scheme", { headers: { authorization: "Basic Y2FuYXJ5" } }],
    ["the hash in place of the token", bearing(sha256("canary-reader"))],
  ] as const)("a call with %s is refused on loopback too", async ([, options]) => {
    await using server = await startServer({}, { tokenFile });
    await expectRefusal(server.clients[kind].options.getOption(validRequest, options), "Unauthenticated", "CREDENTIALS_REQUIRED");
  });

  test("who may not call learns nothing of the request's faults", async () => {
    await using server = await startServer({}, { tokenFile });
    await expectRefusal(server.clients[kind].options.getOption({}), "Unauthenticated", "CREDENTIALS_REQUIRED");
    await expectRefusal(server.clients[kind].options.getOption({}, bearing("canary-nobody")), "PermissionDenied", "PERMISSION_REQUIRED");
  });
});

test("no token, hash, value or address of a call stands in the log, at debug level either", async () => {
  await using server = await startServer(
    {
      getOption: () => {
        throw Object.assign(new Error('select * where email = "canary-address"'), { code: "23505", constraint: "user_email_key" });
      },
    },
    { tokenFile, level: "debug" },
  );
  for (const kind of clientKinds) {
    const { options } = server.clients[kind];
    await expect(options.getOption({ ...validRequest, key: "canary-key" }, bearing("canary-reader"))).rejects.toThrow();
    await expect(options.getOption({ ...validRequest, key: "canary key" }, bearing("canary-reader"))).rejects.toThrow();
    await expect(options.getOption(validRequest, bearing("canary-unknown"))).rejects.toThrow();
    await options.listOptions({ userId: 7n }, bearing("canary-reader"));
  }
  const log = JSON.stringify(server.logged());
  expect(log).toContain("user_email_key");
  expect(log).not.toContain("canary");
  expect(log).not.toContain(sha256("canary-reader"));
  expect(log).not.toContain("127.0.0.1");
});

test("the faults of a token file are named all at once, without a hash", () => {
  const path = write({
    callers: [
      { name: "a b", token_sha256: "canary-hash", permissions: ["users.read"] },
      { name: "c", token_sha256: "0".repeat(64), permissions: ["users.fly"] },
    ],
    other: 1,
  });
  expect(() => readTokenFile(path)).toThrow(
    expect.objectContaining({
      name: "ConfigError",
      message: expect.stringMatching(
        /callers\.0\.name must be[\s\S]*callers\.0\.token_sha256 must be[\s\S]*callers\.1\.permissions\.0 must be one of/,
      ),
    }),
  );
  expect(() => readTokenFile(path)).not.toThrow(/canary-hash/);
});

test.for([
  ["is not JSON", "{", /is not valid JSON/],
  ["names nobody", { callers: [] }, /must name at least one caller/],
  [
    "has one token twice",
    { callers: ["a", "b"].map((name) => ({ name, token_sha256: "0".repeat(64), permissions: [] })) },
    /callers\.1 has the same token as a/,
  ],
] as const)("a token file that %s is refused", ([, content, message]) => {
  expect(() => readTokenFile(write(content))).toThrow(message);
});

test("a token file that can't be read is refused", () => {
  expect(() => readTokenFile("/nowhere/tokens.json")).toThrow(/can't be read \(ENOENT\)/);
});

describe("listening", () => {
  const at = (host: string) => ({ grpcListen: { host, port: 1 }, httpListen: { host: "127.0.0.1", port: 2 } });

  test.for(["127.0.0.1", "127.9.9.9", "::1", "localhost"])("on %s needs no credentials", (host) => {
    assertExposure({ ...at(host), tokenFile: undefined, insecure: false });
  });

  test.for(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com"])("on %s needs credentials, or a word that says otherwise", (host) => {
    expect(() => assertExposure({ ...at(host), tokenFile: undefined, insecure: false })).toThrow(/^GRPC_LISTEN .* set TOKEN_FILE/);
    assertExposure({ ...at(host), tokenFile: "tokens.json", insecure: false });
    assertExposure({ ...at(host), tokenFile: undefined, insecure: true });
  });
});
