import { createHmac, createPrivateKey, createSign } from "node:crypto";
import { mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportSPKI } from "jose";
import { describe, expect, test, vi } from "vitest";
import type { Call } from "../../../src/call.ts";
import { clientKinds } from "../../support/clients.ts";
import { expectRefusal } from "../../support/errors.ts";
import { post, refusalOf, startServer, validRequest } from "../server.ts";
import { bearing, sha256, writeCallersFile } from "./callers-file.ts";
import { createSigningKey, ISSUER, type SigningKey, sign } from "./issuer.ts";

const soon = { timeout: 10_000, interval: 50 };

const key = await createSigningKey("first");

/** Writes a key set by a rename, as programs that write safely do. */
const writeKeys = (path: string, keys: readonly SigningKey[], others: readonly object[] = []): void => {
  writeFileSync(`${path}.new`, JSON.stringify({ keys: [...others, ...keys.map(({ jwk }) => jwk)] }));
  renameSync(`${path}.new`, path);
};

const keyFile = (keys: readonly SigningKey[] = [key], others: readonly object[] = []): string => {
  const path = join(mkdtempSync(join(tmpdir(), "userd-keys-")), "jwks.json");
  writeKeys(path, keys, others);
  return path;
};

const callers = [
  {
    name: "web",
    token_sha256: sha256("canary-opaque"),
    subjects: [{ issuer: ISSUER, subject: "web" }],
    permissions: ["options.read", "options.write"],
  },
  { name: "far", subjects: [{ issuer: ISSUER, subject: "far" }], permissions: ["options.read"], networks: ["192.0.2.0/24"] },
];

type Seen = Pick<Call, "actingUserId"> & { readonly caller: string; readonly permissions: readonly string[] };

/** A server with one issuer, and what it has seen of its callers. */
const startWithIssuer = async (issuer: object = {}, jwks = keyFile()) => {
  const seen: Seen[] = [];
  const getOption = ({ caller, actingUserId }: Call) => {
    seen.push({ caller: caller.name, permissions: [...caller.permissions], actingUserId });
    return {};
  };
  const issuers = [{ issuer: ISSUER, audience: "userd", jwks_file: jwks, ...issuer }];
  const server = await startServer({ getOption }, { tokenFile: writeCallersFile({ callers, issuers }), level: "debug" });
  return { ...server, seen, jwks };
};

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const payload = { iss: ISSUER, aud: "userd", sub: "web", exp: Math.floor(Date.now() / 1_000) + 3_600 };

/** Joins a token by hand, as no library would. */
const forge = (header: object, signature: (signed: string) => Buffer, claims: object = payload): string => {
  const signed = `${base64url(header)}.${base64url(claims)}`;
  return `${signed}.${signature(signed).toString("base64url")}`;
};

describe.for(clientKinds)("a token that an issuer has signed, through %s", (kind) => {
  test("names the caller, beside tokens of the callers' file", async () => {
    await using server = await startWithIssuer();
    const { options } = server.clients[kind];
    const token = await sign(key);
    for (const _ of [1, 2]) await options.getOption(validRequest, bearing(token));
    await options.getOption(validRequest, bearing("canary-opaque"));
    await options.setOption({ ...validRequest, value: { kind: { case: "boolValue", value: true } } }, bearing(token));
    expect(server.seen.map(({ caller }) => caller)).toEqual(["web", "web", "web"]);
    const far = await sign(key, { claims: { sub: "far" } });
    await expectRefusal(options.getOption(validRequest, bearing(far)), "Unauthenticated", "CREDENTIALS_REQUIRED");
  });

  test("has the permissions that its claim and the callers' file both name", async () => {
    await using server = await startWithIssuer({ claims: { permissions: "scope" } });
    const { options } = server.clients[kind];
    const call = async (scope: unknown) => options.getOption(validRequest, bearing(await sign(key, { claims: { scope } })));
    await call("openid options.read users.admin");
    await call(["options.read", "options.write", 7]);
    expect(server.seen.map(({ permissions }) => permissions)).toEqual([["options.read"], ["options.read", "options.write"]]);
    for (const scope of ["openid users.admin", "", 7, undefined, ["options"], "options.readoptions.write"]) {
      await expectRefusal(call(scope), "PermissionDenied", "PERMISSION_REQUIRED");
    }
  });

  test("names the acting user, and no header can name another", async () => {
    await using server = await startWithIssuer({ claims: { acting_user: "user" } });
    const { options } = server.clients[kind];
    const call = async (user: unknown, named?: string) =>
      options.getOption(validRequest, {
        headers: { ...bearing(await sign(key, { claims: { user } })).headers, ...(named !== undefined && { "x-acting-user-id": named }) },
      });
    await call("42");
    await call(42, "42");
    await call(undefined);
    expect(server.seen.map(({ actingUserId }) => actingUserId)).toEqual([42n, 42n, undefined]);
    await expectRefusal(call("42", "43"), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(call(undefined, "43"), "InvalidArgument", "FIELD_INVALID");
    for (const user of ["ann", -1, 1.5, "0", null, "9223372036854775808", ["42"]]) {
      await expectRefusal(call(user), "Unauthenticated", "CREDENTIALS_REQUIRED");
    }
    await options.getOption(validRequest, { headers: { authorization: "Bearer canary-opaque", "x-acting-user-id": "43" } });
    expect(server.seen.at(-1)?.actingUserId).toBe(43n);
  });

  test("of 10 MB is refused, and so is one of 9 KB; the next call is answered", async () => {
    await using server = await startWithIssuer();
    const { options } = server.clients[kind];
    await expect(options.getOption(validRequest, bearing(`${"a".repeat(10 * 1024 * 1024)}.b.c`))).rejects.toThrow();
    const long = await sign(key, { claims: { filler: "x".repeat(8_000) } });
    await expectRefusal(options.getOption(validRequest, bearing(long)), "Unauthenticated", "CREDENTIALS_REQUIRED");
    await options.getOption(validRequest, bearing(await sign(key)));
  });
});

const past = Math.floor(Date.now() / 1_000) - 60;
const other = await createSigningKey("first");
const rsa = await createSigningKey("rsa", "RS256");
const pem = await exportSPKI(key.publicKey);
const rsaPem = await exportSPKI(rsa.publicKey);

test.for<readonly [string, () => string | Promise<string>, string]>([
  ["has expired", () => sign(key, { claims: { exp: past } }), "ERR_JWT_EXPIRED"],
  ["does not expire", () => sign(key, { claims: { exp: undefined as never } }), "ERR_JWT_CLAIM_VALIDATION_FAILED of exp"],
  ["is not valid yet", () => sign(key, { claims: { nbf: past + 120 } }), "ERR_JWT_CLAIM_VALIDATION_FAILED of nbf"],
  ["is for another audience", () => sign(key, { claims: { aud: "other" } }), "ERR_JWT_CLAIM_VALIDATION_FAILED of aud"],
  ["is for no audience", () => sign(key, { claims: { aud: undefined as never } }), "ERR_JWT_CLAIM_VALIDATION_FAILED of aud"],
  ["is of another issuer", () => sign(key, { claims: { iss: "https://login.example.org" } }), "the token is unknown"],
  ["is of no issuer", () => sign(key, { claims: { iss: undefined as never } }), "the token is unknown"],
  ["is signed by somebody else under the name of a key", () => sign(other), "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
  ["is signed with a key that is not published", async () => sign(await createSigningKey("second")), "the issuer has no key for the token"],
  ["brings its own key", () => sign(other, { header: { jwk: other.jwk, kid: undefined } }), "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
  ["says where its key is", () => sign(other, { header: { jku: "http://127.0.0.1:1/", x5u: "http://127.0.0.1:1/" } }), "ERR_JWS_SIGNATURE"],
  ["is of a subject that nobody has", () => sign(key, { claims: { sub: "admin" } }), "no caller has the subject of the token"],
  [
    "is of a subject that is no text",
    () => sign(key, { claims: { sub: ["web"] as never } }),
    "ERR_JWT_CLAIM_VALIDATION_FAILED of sub|no caller",
  ],
  ["is bound to a certificate", () => sign(key, { claims: { cnf: { "x5t#S256": "AAAA" } } }), "the token is bound to another certificate"],
  ["is bound to a key of the client", () => sign(key, { claims: { cnf: { jkt: "AAAA" } } }), "bound to something that can't be checked"],
  [
    "demands what is not understood",
    () =>
      sign(key, { header: { crit: ["exp"], exp: 1 } }).catch(() =>
        forge({ alg: "ES256", kid: "first", crit: ["x"], x: 1 }, () => Buffer.alloc(64)),
      ),
    "ERR_JOSE_NOT_SUPPORTED|ERR_JWS_INVALID",
  ],
  ["is not signed", () => forge({ alg: "none" }, () => Buffer.alloc(0)), "the token is unknown"],
  ["says that it is not signed, and has a signature", () => forge({ alg: "none" }, () => Buffer.from("x")), "ERR_JOSE_ALG_NOT_ALLOWED"],
  ["says so in other letters", () => forge({ alg: "nOnE" }, () => Buffer.from("x")), "ERR_JOSE_ALG_NOT_ALLOWED"],
  [
    "is signed with the public key as the secret",
    () => forge({ alg: "HS256", kid: "first" }, (text) => createHmac("sha256", pem).update(text).digest()),
    "ERR_JOSE_ALG_NOT_ALLOWED",
  ],
  [
    "is signed with a public key of RSA as the secret",
    () => forge({ alg: "HS256", kid: "rsa" }, (text) => createHmac("sha256", rsaPem).update(text).digest()),
    "ERR_JOSE_ALG_NOT_ALLOWED",
  ],
  [
    "is signed with a published secret",
    () => forge({ alg: "HS256", kid: "secret" }, (text) => createHmac("sha256", "0".repeat(64)).update(text).digest()),
    "ERR_JOSE_ALG_NOT_ALLOWED",
  ],
  [
    "has a signature of zeros",
    () => forge({ alg: "ES256", kid: "first" }, () => Buffer.alloc(64)),
    "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  ],
  [
    "has a signature of another algorithm",
    () =>
      forge({ alg: "ES256", kid: "rsa" }, (text) =>
        createSign("sha256")
          .update(text)
          .sign(createPrivateKey({ key: rsaJwk, format: "jwk" })),
      ),
    "the issuer has no key",
  ],
  ["is none, but looks like one", () => "aaaaaaaaa.bbbbbbbbb.ccccccccc", "the token is unknown"],
  ["has claims that are no object", () => forge({ alg: "ES256", kid: "first" }, () => Buffer.alloc(64), [1]), "the token is unknown"],
])("a token that %s is refused, and the log says why", async ([, make, cause]) => {
  const secret = { kty: "oct", kid: "secret", alg: "HS256", k: Buffer.from("0".repeat(64)).toString("base64url") };
  await using server = await startWithIssuer({ clock_skew_seconds: 5 }, keyFile([key, rsa], [secret]));
  const token = await make();
  // Twice: what was refused is remembered for a while.
  for (const _ of [1, 2]) {
    await expectRefusal(
      server.clients["grpc-js"].options.getOption(validRequest, bearing(token)),
      "Unauthenticated",
      "CREDENTIALS_REQUIRED",
    );
  }
  const log = JSON.stringify(server.logged());
  expect(log).toMatch(new RegExp(cause));
  expect(log).not.toContain(token.split(".")[1]);
  expect(server.seen).toEqual([]);
});
const rsaJwk = await (await import("jose")).exportJWK(rsa.privateKey);

test("a token of another type is refused, and so is an algorithm that the issuer does not use", async () => {
  await using server = await startWithIssuer({ type: "at+jwt", algorithms: ["ES256"] }, keyFile([key, rsa]));
  const { options } = server.clients["Connect JSON"];
  await options.getOption(validRequest, bearing(await sign(key, { header: { typ: "at+jwt" } })));
  const idToken = options.getOption(validRequest, bearing(await sign(key, { header: { typ: "JWT" } })));
  await expectRefusal(idToken, "Unauthenticated", "CREDENTIALS_REQUIRED");
  const ofRsa = options.getOption(validRequest, bearing(await sign(rsa, { header: { typ: "at+jwt" } })));
  await expectRefusal(ofRsa, "Unauthenticated", "CREDENTIALS_REQUIRED");
});

test("a token is refused from its end on, and those of a key from the moment in which the key is gone, though they are remembered", async () => {
  await using server = await startWithIssuer({ clock_skew_seconds: 0 });
  const { options } = server.clients["grpc-js"];
  const short = await sign(key, { claims: { exp: Math.floor(Date.now() / 1_000) + 3 } });
  const long = await sign(key);
  const call = (token: string) => options.getOption(validRequest, bearing(token));
  await call(short);
  await call(long);
  await vi.waitFor(() => expectRefusal(call(short), "Unauthenticated", "CREDENTIALS_REQUIRED"), soon);
  await call(long);
  writeKeys(server.jwks, [await createSigningKey("second")]);
  await vi.waitFor(() => expectRefusal(call(long), "Unauthenticated", "CREDENTIALS_REQUIRED"), soon);
});

test("a request that can't be decoded is refused for its token first, and answered as malformed when the token is good", async () => {
  await using server = await startWithIssuer();
  const answer = async (token: string) => refusalOf(await post(server, "GetOption", "{", { authorization: `Bearer ${token}` }));
  expect(await answer(await sign(other))).toMatchObject({ status: 401, reason: "CREDENTIALS_REQUIRED" });
  expect(await answer(await sign(key))).toMatchObject({ status: 400, reason: "FIELD_INVALID" });
});

test("keys, the callers' file and tokens are changed under load without one failed call", async () => {
  await using server = await startWithIssuer();
  const [second, third] = [await createSigningKey("second"), await createSigningKey("third")];
  let isDone = false;
  let signing = key;
  const failed: unknown[] = [];
  /** How many calls each of the loads has ended. */
  const ended = clientKinds.flatMap(() => [0, 0]);
  const load = async (index: number) => {
    const { options } = server.clients[clientKinds[index % clientKinds.length] ?? "grpc-js"];
    while (!isDone) {
      const token = index < clientKinds.length ? await sign(signing) : "canary-opaque";
      await options.getOption(validRequest, { ...bearing(token), timeoutMs: 30_000 }).catch((error: unknown) => failed.push(error));
      ended[index] = (ended[index] ?? 0) + 1;
    }
  };
  const loads = Promise.all(ended.map((_, index) => load(index)));
  /** Waits until no call is on its way that began before now. */
  const settled = async () => {
    const before = [...ended];
    await vi.waitFor(() => expect(ended.every((count, index) => count >= (before[index] ?? 0) + 2)).toBe(true), {
      ...soon,
      timeout: 30_000,
    });
  };
  const written = async (keys: readonly SigningKey[]) => {
    const before = server.logged().length;
    writeKeys(server.jwks, keys);
    const isRead = () =>
      server
        .logged()
        .slice(before)
        .some(({ msg }) => msg === "the keys of an issuer were read again");
    await vi.waitFor(() => expect(isRead()).toBe(true), soon);
  };
  for (const [previous, next] of [
    [key, second],
    [second, third],
  ] as const) {
    await written([previous, next]);
    signing = next;
    server.reload();
    await settled();
    await written([next]);
    await settled();
  }
  isDone = true;
  await loads;
  expect(failed).toEqual([]);
});

test("a token whose issuer can't be reached is answered with UNAVAILABLE, others as ever", async () => {
  await using server = await startWithIssuer({ jwks_file: undefined, jwks_url: "http://127.0.0.1:1/jwks.json" });
  const { options } = server.clients["grpc-js"];
  await expectRefusal(options.getOption(validRequest, bearing(await sign(key))), "Unavailable", "ISSUER_UNAVAILABLE");
  await options.getOption(validRequest, bearing("canary-opaque"));
});
