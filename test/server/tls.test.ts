import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { test as base, describe, expect, vi } from "vitest";
import type { TlsConfig } from "../../src/server/tls.ts";
import { needTools, temporaryFolder } from "../foreign/tools.ts";
import { type Authority, createAuthority, type KeyPair } from "../support/certificates.ts";
import { expectRefusal } from "../support/errors.ts";
import { bearing, sha256, writeCallersFile } from "./callers/callers-file.ts";
import { connectSecurely, type SecureKind, secureKinds } from "./secure-clients.ts";
import { startServer, validRequest } from "./server.ts";

const soon = { timeout: 10_000, interval: 50 };

type Pki = { readonly folder: string; readonly authority: Authority; readonly server: KeyPair };

const test = base.extend("pki", { scope: "file" }, async ({}, { onCleanup }): Promise<Pki> => {
  const folder = await temporaryFolder();
  onCleanup(() => folder[Symbol.asyncDispose]());
  const authority = await createAuthority(folder.path);
  return { folder: folder.path, authority, server: await authority.issue("server") };
});

test.beforeEach(({ skip }) => needTools(skip, "openssl"));

const optional = { clientCa: undefined, clientCertificates: "optional" } as const;

/** Who has called, by name, and a server that says so. */
const startSecure = async (tls: TlsConfig, callers?: readonly object[]) => {
  const names: string[] = [];
  const getOption = (call: { caller: { name: string } }) => {
    names.push(call.caller.name);
    return {};
  };
  const tokenFile = callers && writeCallersFile({ callers });
  const server = await startServer({ getOption }, { tls, ...(tokenFile !== undefined && { tokenFile }), level: "debug" });
  return { ...server, tokenFile, names };
};

/** What a handshake by hand ends with: the protocol that was agreed on, or the error. */
const shake = (port: number, options: ConnectionOptions): Promise<string> =>
  new Promise((resolve) => {
    const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ...options }, () => {
      resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`);
      socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });

describe("over TLS", () => {
  test.for(secureKinds)("%s calls", async (kind, { pki }) => {
    await using server = await startSecure({ ...pki.server, ...optional });
    using client = connectSecurely(kind, server, pki.authority.ca);
    await client.options.getOption(validRequest);
    expect(server.names).toEqual(["local"]);
  });

  test("both ports speak TLS 1.2 and 1.3, and the protocols that they agree on in the handshake", async ({ pki }) => {
    await using server = await startSecure({ ...pki.server, ...optional });
    const [grpc, http] = [server.grpcAddress.port, server.httpAddress.port];
    const trusting = { rejectUnauthorized: false };
    expect(await shake(grpc, { ...trusting, ALPNProtocols: ["h2"] })).toBe("TLSv1.3 h2");
    expect(await shake(grpc, { ...trusting, ALPNProtocols: ["h2"], maxVersion: "TLSv1.2" })).toBe("TLSv1.2 h2");
    expect(await shake(grpc, { ...trusting, ALPNProtocols: ["http/1.1"] })).toMatch(/ALERT_NO_APPLICATION_PROTOCOL/);
    expect(await shake(http, { ...trusting, ALPNProtocols: ["http/1.1", "h2"] })).toBe("TLSv1.3 h2");
    expect(await shake(http, { ...trusting, ALPNProtocols: ["http/1.1"] })).toBe("TLSv1.3 http/1.1");
    const old = { ...trusting, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    for (const port of [grpc, http]) expect(await shake(port, old)).toMatch(/PROTOCOL_VERSION/);
  });

  test("a client can't begin another handshake, in which it could show another certificate", async ({ pki }) => {
    await using server = await startSecure({ ...pki.server, ...optional });
    const outcome = await new Promise<string>((resolve) => {
      const options = { port: server.httpAddress.port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion: "TLSv1.2" } as const;
      const socket = connectTls(options, () => {
        socket.renegotiate({}, (error) => resolve(error === null ? "renegotiated" : "refused"));
        socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
      });
      socket.on("error", () => resolve("refused")).on("close", () => resolve("refused"));
      socket.on("data", () => {}).setTimeout(3_000, () => socket.destroy());
    });
    expect(outcome).toBe("refused");
  });

  test("a client without TLS is not answered, and one that is silent is gone after 5 s", async ({ pki }) => {
    await using server = await startSecure({ ...pki.server, ...optional });
    const plain = server.clients["grpc-js"].options.getOption(validRequest, { timeoutMs: 1_000 });
    await expect(plain).rejects.toThrow();
    const silent = [server.grpcAddress, server.httpAddress].map(async ({ port }) => {
      const socket = connectTcp(port, "127.0.0.1");
      // The beginning of a handshake that does not go on.
      socket.write(Buffer.from([0x16, 3, 1, 0, 200]));
      const closed = new Promise<string>((resolve) =>
        socket
          .resume()
          .on("error", () => {})
          .once("close", () => resolve("closed")),
      );
      return Promise.race([closed, delay(15_000, "still open", { ref: false })]);
    });
    expect(await Promise.all(silent)).toEqual(["closed", "closed"]);
    expect(server.names).toEqual([]);
  });
});

describe("certificates of clients", () => {
  const callers = [
    { name: "billing", subject_alt_names: ["Billing.example.org"], permissions: ["options.read"] },
    { name: "mesh", subject_alt_names: ["spiffe://example.org/ns/prod/sa/mesh"], permissions: ["options.read"] },
    { name: "elsewhere", subject_alt_names: ["elsewhere.example.org"], permissions: ["options.read"], networks: ["192.0.2.0/24"] },
    { name: "bearer", token_sha256: sha256("canary"), permissions: ["options.read"] },
  ];
  const withClients = (pki: Pki, clientCertificates: "optional" | "required" = "optional"): TlsConfig => ({
    ...pki.server,
    clientCa: pki.authority.ca,
    clientCertificates,
  });
  const issue = (pki: Pki, leaf: string, names: string, days = 2) => pki.authority.issue(leaf, { names, usage: "clientAuth", days });

  test.for(secureKinds)("through %s name the caller by DNS name or URI; a token wins", async (kind, { pki }) => {
    await using server = await startSecure(withClients(pki), callers);
    const shown = [
      await issue(pki, "billing", "DNS:billing.example.org,DNS:other.example.org"),
      await issue(pki, "mesh", "URI:spiffe://example.org/ns/prod/sa/mesh"),
    ];
    for (const pair of shown) {
      using client = connectSecurely(kind, server, pki.authority.ca, pair);
      await client.options.getOption(validRequest);
      await client.options.getOption(validRequest, bearing("canary"));
      await expectRefusal(client.options.getOption(validRequest, bearing("another")), "Unauthenticated", "CREDENTIALS_REQUIRED");
    }
    expect(server.names).toEqual(["billing", "bearer", "mesh", "bearer"]);
    using client = connectSecurely(kind, server, pki.authority.ca);
    await expectRefusal(client.options.getOption(validRequest), "Unauthenticated", "CREDENTIALS_REQUIRED");
    await client.options.getOption(validRequest, bearing("canary"));
  });

  test.for([
    ["an unknown name", "DNS:unknown.example.org", "no caller has a name"],
    ["the names of two callers", "DNS:billing.example.org,URI:spiffe://example.org/ns/prod/sa/mesh", "those of several callers"],
    ["a name as an address, not as a DNS name", "email:billing.example.org@example.org", "no caller has a name"],
    ["a URI that differs in case", "URI:spiffe://example.org/ns/prod/sa/Mesh", "no caller has a name"],
    ["a wildcard", "DNS:*.example.org", "no caller has a name"],
    ["a name with another one inside", "@names\n[names]\nURI.1=https://a.example.org/, DNS:billing.example.org", "no caller has a name"],
    ["the name of a caller of another network", "DNS:elsewhere.example.org", "does not come from the networks"],
  ] as const)("with %s are refused", async ([, names, cause], { pki }) => {
    await using server = await startSecure(withClients(pki), callers);
    using client = connectSecurely("grpc-js", server, pki.authority.ca, await issue(pki, `names-${names.length}`, names));
    await expectRefusal(client.options.getOption(validRequest), "Unauthenticated", "CREDENTIALS_REQUIRED");
    expect(JSON.stringify(server.logged())).toContain(cause);
  });

  const cut = async (call: Promise<unknown>) => {
    const error = await call.then(
      () => undefined,
      (it: unknown) => it as Error,
    );
    expect(error, "the connection is cut").toBeDefined();
    expect(error?.message).not.toMatch(/known token/);
  };

  test("of another authority, of a server, and expired ones end the connection, with a token too", async ({ pki }) => {
    await using server = await startSecure(withClients(pki), callers);
    const other = await createAuthority(pki.folder, "other-ca");
    const refused = [
      await other.issue("foreign", { names: "DNS:billing.example.org", usage: "clientAuth" }),
      await pki.authority.issue("of-server", { names: "DNS:billing.example.org", usage: "serverAuth" }),
      await issue(pki, "expired", "DNS:billing.example.org", -1),
    ];
    for (const pair of refused) {
      for (const kind of secureKinds) {
        using client = connectSecurely(kind, server, pki.authority.ca, pair);
        await cut(client.options.getOption(validRequest, bearing("canary")));
      }
    }
    expect(server.names).toEqual([]);
  });

  test("can be required", async ({ pki }) => {
    await using server = await startSecure(withClients(pki, "required"), callers);
    for (const kind of secureKinds) {
      using without = connectSecurely(kind, server, pki.authority.ca);
      await cut(without.options.getOption(validRequest, bearing("canary")));
    }
    using client = connectSecurely("grpc-js", server, pki.authority.ca, await issue(pki, "required", "DNS:billing.example.org"));
    await client.options.getOption(validRequest);
    expect(server.names).toEqual(["billing"]);
  });

  test("of an authority that is trusted no more are refused on connections that were open before", async ({ pki }) => {
    const bundle = join(pki.folder, "bundle.pem");
    copyFileSync(pki.authority.ca, bundle);
    const next = await createAuthority(pki.folder, "next-ca");
    await using server = await startSecure({ ...pki.server, clientCa: bundle, clientCertificates: "optional" }, callers);
    using client = connectSecurely("grpc-js", server, pki.authority.ca, await issue(pki, "before", "DNS:billing.example.org"));
    const call = () => client.options.getOption(validRequest);
    await call();
    copyFileSync(next.ca, `${bundle}.new`);
    renameSync(`${bundle}.new`, bundle);
    await vi.waitFor(() => expectRefusal(call(), "Unauthenticated", "CREDENTIALS_REQUIRED"), soon);
  });

  test("that are revoked are refused on connections that were open before and on new ones; no call of others fails", async ({ pki }) => {
    const authority = await createAuthority(pki.folder, "revoking-ca");
    const stolen = await authority.issue("stolen", { names: "DNS:billing.example.org", usage: "clientAuth" });
    const kept = await authority.issue("kept", { names: "DNS:billing.example.org", usage: "clientAuth" });
    const crl = join(pki.folder, "revoked.pem");
    copyFileSync(await authority.revoke(), crl);
    await using server = await startSecure({ ...pki.server, clientCa: authority.ca, crl, clientCertificates: "optional" }, callers);
    const connected = secureKinds.map((kind) => ({ kind, client: connectSecurely(kind, server, pki.authority.ca, stolen) }));
    const honest = secureKinds.map((kind) => connectSecurely(kind, server, pki.authority.ca, kept));
    for (const { client } of connected) await client.options.getOption(validRequest);
    let isDone = false;
    const answered = honest.map(async ({ options }) => {
      let calls = 0;
      for (; !isDone; calls += 1) await options.getOption(validRequest);
      return calls;
    });

    copyFileSync(await authority.revoke(stolen), `${crl}.new`);
    renameSync(`${crl}.new`, crl);
    const refusals = connected.map(({ client }) =>
      vi.waitFor(() => expectRefusal(client.options.getOption(validRequest), "Unauthenticated", "CREDENTIALS_REQUIRED"), soon),
    );
    await Promise.all(refusals);
    for (const { kind, client } of connected) {
      client[Symbol.dispose]();
      // Node's agent keeps the connection of before, on which a token still counts.
      if (kind === "Connect over HTTP/1.1") continue;
      using again = connectSecurely(kind, server, pki.authority.ca, stolen);
      await cut(again.options.getOption(validRequest, bearing("canary")));
    }
    isDone = true;
    for (const calls of await Promise.all(answered)) expect(calls).toBeGreaterThan(0);
    for (const client of honest) client[Symbol.dispose]();
    using other = connectSecurely("grpc-js", server, pki.authority.ca, kept);
    await other.options.getOption(validRequest);
    using without = connectSecurely("grpc-js", server, pki.authority.ca);
    await without.options.getOption(validRequest, bearing("canary"));
  });

  test("are not taken while there is no list of their authority", async ({ pki }) => {
    const [one, other] = [await createAuthority(pki.folder, "listed-ca"), await createAuthority(pki.folder, "unlisted-ca")];
    const bundle = join(pki.folder, "both.pem");
    writeFileSync(bundle, readFileSync(one.ca, "utf8") + readFileSync(other.ca, "utf8"));
    const tls: TlsConfig = { ...pki.server, clientCa: bundle, crl: await one.revoke(), clientCertificates: "optional" };
    await using server = await startSecure(tls, callers);
    const shown = { names: "DNS:billing.example.org", usage: "clientAuth" } as const;
    using listed = connectSecurely("grpc-js", server, pki.authority.ca, await one.issue("listed", shown));
    await listed.options.getOption(validRequest);
    using unlisted = connectSecurely("grpc-js", server, pki.authority.ca, await other.issue("unlisted", shown));
    await cut(unlisted.options.getOption(validRequest));
  });

  test.for([
    ["nothing of the kind", "canary", /TLS_CRL has no list/],
    ["a broken list", "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", /TLS_CRL/],
  ] as const)("are checked by a list; with %s there is no start", async ([, text, sentence], { pki }) => {
    const crl = join(pki.folder, "broken.crl");
    writeFileSync(crl, text);
    await expect(startSecure({ ...withClients(pki), crl }, callers)).rejects.toThrow(sentence);
  });

  test("of such an authority are refused though they bring along the certificate of another one of the same name", async ({ pki }) => {
    const [old, next] = [await createAuthority(pki.folder, "old-ca", "same"), await createAuthority(pki.folder, "new-ca", "same")];
    const bundle = join(pki.folder, "same.pem");
    writeFileSync(bundle, readFileSync(old.ca, "utf8") + readFileSync(next.ca, "utf8"));
    await using server = await startSecure({ ...pki.server, clientCa: bundle, clientCertificates: "optional" }, callers);
    const pair = await old.issue("same-leaf", { names: "DNS:billing.example.org", usage: "clientAuth" });
    const cert = join(pki.folder, "same-chain.pem");
    writeFileSync(cert, readFileSync(pair.cert, "utf8") + readFileSync(next.ca, "utf8"));
    using honest = connectSecurely("grpc-js", server, pki.authority.ca, pair);
    using forged = connectSecurely("grpc-js", server, pki.authority.ca, { ...pair, cert });
    await honest.options.getOption(validRequest);
    await forged.options.getOption(validRequest).catch(() => {});
    copyFileSync(next.ca, bundle);
    await vi.waitFor(() => expectRefusal(honest.options.getOption(validRequest), "Unauthenticated", "CREDENTIALS_REQUIRED"), soon);
    await expectRefusal(forged.options.getOption(validRequest), "Unauthenticated", "CREDENTIALS_REQUIRED");
  });
});

describe("certificates of the ports that change", () => {
  const put = (from: KeyPair, to: KeyPair) => {
    for (const part of ["cert", "key"] as const) {
      copyFileSync(from[part], `${to[part]}.new`);
      renameSync(`${to[part]}.new`, to[part]);
    }
  };

  test("are taken without one failed call, on open connections and new ones", async ({ pki }) => {
    const place = { cert: join(pki.folder, "turning.pem"), key: join(pki.folder, "turning.key") };
    put(pki.server, place);
    await using server = await startSecure({ ...place, ...optional });
    let isDone = false;
    const calls = { made: 0, failed: 0 };
    const load = async (kind: SecureKind) => {
      while (!isDone) {
        using client = connectSecurely(kind, server, pki.authority.ca);
        for (let index = 0; index < 5; index += 1) {
          calls.made += 1;
          await client.options.getOption(validRequest).catch(() => (calls.failed += 1));
        }
      }
    };
    const loads = Promise.all(secureKinds.map(load));
    const serial = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connectTls({ port: server.httpAddress.port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.on("error", reject);
      });
    const before = await serial();
    put(await pki.authority.issue("renewed"), place);
    await vi.waitFor(async () => expect(await serial()).not.toBe(before), soon);
    isDone = true;
    await loads;
    expect(calls.made).toBeGreaterThan(20);
    expect(calls.failed).toBe(0);
  });

  test.for([
    [
      "a key that does not fit",
      (place: KeyPair, pki: Pki) => copyFileSync(join(pki.folder, "ca.key"), place.key),
      /TLS_CERT and TLS_KEY can't be used \(ERR_OSSL_X509_KEY_VALUES_MISMATCH\)/,
    ],
    ["a certificate that is none", (place: KeyPair) => writeFileSync(place.cert, "canary"), /TLS_CERT and TLS_KEY/],
    ["no file any more", (place: KeyPair) => rmSync(place.key), /TLS_KEY can't be used \(ENOENT\)/],
  ] as const)("stay when there is %s, which is logged", async ([, spoil, sentence], { pki }) => {
    const place = { cert: join(pki.folder, "spoilt.pem"), key: join(pki.folder, "spoilt.key") };
    put(pki.server, place);
    await using server = await startSecure({ ...place, ...optional });
    spoil(place, pki);
    const complaints = () => server.logged().filter(({ msg }) => String(msg).startsWith("the files of TLS can't be used"));
    await vi.waitFor(() => expect(complaints()).toHaveLength(1), soon);
    expect(JSON.stringify(complaints())).toMatch(sentence);
    expect(JSON.stringify(complaints())).not.toMatch(/canary|PRIVATE/);
    using client = connectSecurely("grpc-js", server, pki.authority.ca);
    await client.options.getOption(validRequest);
  });
});
