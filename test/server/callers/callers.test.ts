import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { loadCallers } from "../../../src/server/callers/callers.ts";
import type { Credentials } from "../../../src/server/callers/credentials.ts";
import { assertExposure, type Exposure } from "../../../src/server/callers/exposure.ts";
import { clientKinds } from "../../support/clients.ts";
import { silent } from "../../support/database.ts";
import { expectRefusal } from "../../support/errors.ts";
import { startServer, validRequest } from "../server.ts";
import { bearing, replaceCallersFile, sha256, writeCallersFile } from "./callers-file.ts";

const tokenFile = writeCallersFile({
  callers: [
    { name: "reader", token_sha256: sha256("canary-reader"), permissions: ["options.read"] },
    { name: "nobody", token_sha256: sha256("canary-nobody"), permissions: [] },
  ],
});

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

test.for(clientKinds)(
  "through %s, who names two callers or two acting users is refused: proxies add a header behind the client's",
  async (kind) => {
    await using server = await startServer({}, { tokenFile });
    const { options } = server.clients[kind];
    const twice = (name: string, ...values: string[]) => values.map((value): [string, string] => [name, value]);
    const tokens = twice("authorization", "Bearer canary-reader", "Bearer canary-nobody");
    await expectRefusal(options.getOption(validRequest, { headers: tokens }), "Unauthenticated", "CREDENTIALS_REQUIRED");
    const users = [...twice("authorization", "Bearer canary-reader"), ...twice("x-acting-user-id", "1", "2")];
    await expectRefusal(options.getOption(validRequest, { headers: users }), "InvalidArgument", "FIELD_INVALID");
  },
);

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

const load = (path: string) =>
  loadCallers({ config: { tokenFile: path, peers: { proxies: [], header: "none" } }, log: silent, isTrusted: () => false });

/** What a call with a token shows. */
const showing = (token: string): Credentials => ({
  header: () => `Bearer ${token}`,
  headers: () => "",
  peer: { address: "127.0.0.1", certificate: undefined },
});

test("the faults of a callers' file end the start", () => {
  const path = writeCallersFile({
    callers: [
      { name: "a b", token_sha256: "canary-hash", permissions: ["users.read"] },
      { name: "c", token_sha256: "0".repeat(64), permissions: ["users.fly"] },
    ],
  });
  const message = /^TOKEN_FILE \S+: callers\.0\.name must be.*\nTOKEN_FILE \S+: callers\.1\.permissions\.0 must be one of/s;
  expect(() => load(path)).toThrow(expect.objectContaining({ name: "ConfigError", message: expect.stringMatching(message) }));
  expect(() => load(path)).not.toThrow(/canary-hash/);
  expect(() => load("/nowhere/tokens.json")).toThrow(/can't be read \(ENOENT\)/);
});

/** Far more than the second in which a change takes effect, on a machine that does much else. */
const soon = { timeout: 10_000, interval: 50 };

describe("a callers' file that changes", () => {
  const callerOf = (name: string, ...tokens: readonly object[]) => ({ name, tokens, permissions: ["options.read"] });
  const [old, next] = [{ sha256: sha256("canary-old") }, { sha256: sha256("canary-next") }];

  test("is read again: a new token is taken, and a revoked one is refused though it was remembered", async () => {
    const path = writeCallersFile({ callers: [callerOf("reader", old)] });
    await using server = await startServer({}, { tokenFile: path });
    const { options } = server.clients["grpc-js"];
    const call = (token: string) => options.getOption(validRequest, bearing(token));
    await call("canary-old");
    await expectRefusal(call("canary-next"), "Unauthenticated", "CREDENTIALS_REQUIRED");

    replaceCallersFile(path, { callers: [callerOf("reader", old, next)] });
    await vi.waitFor(() => call("canary-next"), soon);
    await call("canary-old");

    // In place this time.
    writeFileSync(path, JSON.stringify({ callers: [callerOf("reader", next)] }));
    await vi.waitFor(() => expectRefusal(call("canary-old"), "Unauthenticated", "CREDENTIALS_REQUIRED"), soon);
    await call("canary-next");
  });

  test.for([
    ["broken", (path: string) => replaceCallersFile(path, '{"callers": [{"canary'), "is not valid JSON"],
    ["wrong", (path: string) => replaceCallersFile(path, { callers: [{ ...callerOf("a b", old), canary: 1 }] }), "callers.0.name must be"],
    ["gone", (path: string) => rmSync(path), "can't be read (ENOENT)"],
  ] as const)("and is %s then keeps the callers of before, and is logged once, without a secret", async ([, change, sentence]) => {
    const path = writeCallersFile({ callers: [callerOf("reader", old)] });
    await using server = await startServer({}, { tokenFile: path });
    const { options } = server.clients["grpc-js"];
    change(path);
    const complaints = () => server.logged().filter(({ msg }) => String(msg).startsWith("the callers' file is broken"));
    await vi.waitFor(() => expect(complaints()).toHaveLength(1), soon);
    expect(JSON.stringify(complaints())).toContain(sentence);
    expect(JSON.stringify(complaints())).not.toContain(old.sha256);
    await options.getOption(validRequest, bearing("canary-old"));

    replaceCallersFile(path, { callers: [callerOf("reader", next)] });
    await vi.waitFor(() => options.getOption(validRequest, bearing("canary-next")), soon);
    expect(complaints()).toHaveLength(1);
  });

  test("is read at once when the process is told so", () => {
    const path = writeCallersFile({ callers: [callerOf("reader", old)] });
    const callers = load(path);
    writeFileSync(path, JSON.stringify({ callers: [callerOf("reader", next)] }));
    callers.reload();
    expect(() => callers.find(showing("canary-old"))).toThrow(/needs a known token/);
    expect(callers.find(showing("canary-next"))).toMatchObject({ caller: { name: "reader" } });
    callers.stop();
  });
});

describe("a token with times", () => {
  const at = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();
  const start = (times: object) =>
    startServer(
      {},
      {
        tokenFile: writeCallersFile({
          callers: [{ name: "reader", tokens: [{ sha256: sha256("t"), ...times }], permissions: ["options.read"] }],
        }),
      },
    );

  test.for([
    ["has begun", { not_before: at(-60_000), not_after: at(60_000) }, true],
    ["has not begun", { not_before: at(60_000) }, false],
    ["has passed", { not_after: at(-1) }, false],
  ] as const)("is looked at: its time %s", async ([, times, isValid]) => {
    await using server = await start(times);
    const call = server.clients["grpc-js"].options.getOption(validRequest, bearing("t"));
    if (isValid) await call;
    else await expectRefusal(call, "Unauthenticated", "CREDENTIALS_REQUIRED");
  });

  test("is refused from not_after on, though its header is remembered", async () => {
    await using server = await start({ not_after: at(1_500) });
    const call = () => server.clients["grpc-js"].options.getOption(validRequest, bearing("t"));
    await call();
    await vi.waitFor(() => expectRefusal(call(), "Unauthenticated", "CREDENTIALS_REQUIRED"), soon);
  });
});

describe.for(clientKinds)("a caller with networks, through %s", (kind) => {
  const called = async (networks: readonly string[], header: string, forwarded?: string) => {
    const tokenFile = writeCallersFile({
      callers: [{ name: "reader", token_sha256: sha256("t"), permissions: ["options.read"], networks }],
    });
    await using server = await startServer({}, { tokenFile, peers: { proxies: ["127.0.0.0/8", "10.0.0.0/8"], header } });
    const headers = { authorization: "Bearer t", ...(forwarded !== undefined && { "x-forwarded-for": forwarded }) };
    return await server.clients[kind].options.getOption(validRequest, { headers });
  };

  test.for([
    ["the address of the connection", ["127.0.0.1"], "none", undefined],
    ["the address of the connection, whatever a header says", ["127.0.0.1"], "none", "192.0.2.7"],
    ["what the proxy says", ["192.0.2.0/24"], "x-forwarded-for", "192.0.2.7"],
    ["what the nearest proxy says that is not trusted itself", ["192.0.2.0/24"], "x-forwarded-for", "198.51.100.1, 192.0.2.7, 10.1.2.3"],
    ["the address of the proxy that says nothing", ["127.0.0.1"], "x-forwarded-for", undefined],
  ] as const)("is let in by %s", async ([, networks, header, forwarded]) => {
    await called(networks, header, forwarded);
  });

  test.for([
    ["from elsewhere", ["192.0.2.0/24"], "none", undefined],
    ["that writes the header itself", ["192.0.2.0/24"], "none", "192.0.2.7"],
    ["that has put an address before that of the proxy", ["192.0.2.0/24"], "x-forwarded-for", "192.0.2.7, 198.51.100.1"],
    ["whose proxy says something else than an address", ["192.0.2.0/24"], "x-forwarded-for", "192.0.2.7, unknown"],
    ["of the proxy itself", ["127.0.0.1"], "x-forwarded-for", "192.0.2.7"],
  ] as const)("is refused to a client %s", async ([, networks, header, forwarded]) => {
    await expectRefusal(called(networks, header, forwarded), "Unauthenticated", "CREDENTIALS_REQUIRED");
  });
});

describe("listening", () => {
  const tls = { cert: "c.pem", key: "k.pem", clientCa: undefined, clientCertificates: "optional" } as const;
  const at = (host: string, settings: Partial<Exposure> = {}): Exposure => ({
    grpcListen: { host, port: 1 },
    httpListen: { host: "127.0.0.1", port: 2 },
    tokenFile: undefined,
    tls: undefined,
    plaintext: false,
    insecure: false,
    ...settings,
  });

  test.for(["127.0.0.1", "127.9.9.9", "::1", "localhost"])("on %s needs no credentials", (host) => {
    assertExposure(at(host));
  });

  test.for(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com"])(
    "on %s needs credentials and TLS, or words that say otherwise",
    (host) => {
      expect(() => assertExposure(at(host))).toThrow(
        /^GRPC_LISTEN .* set TOKEN_FILE .*\nGRPC_LISTEN .* without TLS, .* set TLS_CERT and TLS_KEY/,
      );
      expect(() => assertExposure(at(host, { tokenFile: "tokens.json" }))).toThrow(/^GRPC_LISTEN .* without TLS/);
      expect(() => assertExposure(at(host, { tls }))).toThrow(/^GRPC_LISTEN .* set TOKEN_FILE/);
      expect(() => assertExposure(at(host, { plaintext: true }))).toThrow(/^GRPC_LISTEN .* set TOKEN_FILE/);
      assertExposure(at(host, { tokenFile: "tokens.json", tls }));
      assertExposure(at(host, { tokenFile: "tokens.json", plaintext: true }));
      assertExposure(at(host, { insecure: true }));
    },
  );
});
