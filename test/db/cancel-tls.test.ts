import { chownSync, statSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { connect as connectTcp, createServer } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { sql } from "kysely";
import { expect, onTestFinished } from "vitest";
import { openDatabase } from "../../src/db/orm.ts";
import { needTools, runOk, temporaryFolder } from "../foreign/tools.ts";
import { createAuthority } from "../support/certificates.ts";
import { test as base, silent } from "../support/database.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

/** The first bytes of a client that asks for TLS, and of a message that cancels, which nobody is to read on the way. */
const [SSL_REQUEST, CANCEL_REQUEST] = [80_877_103, 80_877_102];
const codeOf = (chunk: Buffer) => (chunk.length >= 8 ? chunk.readInt32BE(4) : 0);

/** The server speaks TLS with a certificate of its own; `certificate` is its file. */
const test = base.extend("tls", { scope: "file" }, async ({ db }, { onCleanup }) => {
  const run = async (text: string) => (await sql.raw(text).execute(db.sql)).rows;
  const folder = await temporaryFolder();
  const [certificate, key] = [join(folder.path, "server.crt"), join(folder.path, "server.key")];
  const aggregate = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  await runOk("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    ...aggregate,
    "-keyout",
    key,
    "-out",
    certificate,
  ]);
  const [{ data_directory = "" } = {}] = (await run("show data_directory")) as { data_directory: string }[];
  // The server reads both as its own user.
  const { uid, gid } = statSync(data_directory);
  await chmod(folder.path, 0o711);
  await chmod(key, 0o600);
  for (const file of [certificate, key]) chownSync(file, uid, gid);
  await run(`alter system set ssl_cert_file = '${certificate}'`);
  await run(`alter system set ssl_key_file = '${key}'`);
  await run("alter system set ssl = on");
  await run("select pg_reload_conf()");
  // A reload is only asked for.
  await expect.poll(async () => (await run("show ssl"))[0], { timeout: 5_000 }).toEqual({ ssl: "on" });
  onCleanup(async () => {
    for (const name of ["ssl", "ssl_cert_file", "ssl_key_file"]) await run(`alter system reset ${name}`);
    await run("select pg_reload_conf()");
    await folder[Symbol.asyncDispose]();
  });
  return { certificate };
});

test.beforeEach(({ skip }) => needTools(skip, "openssl"));

test.for([
  ["sslmode=no-verify", true],
  ["sslmode=require&uselibpqcompat=true", true],
  ["sslmode=verify-full&sslrootcert=CERTIFICATE", true],
  ["sslmode=verify-ca&sslrootcert=CERTIFICATE", true],
  ["sslmode=no-verify&sslnegotiation=direct", true],
  ["sslmode=disable", false],
] as const)(
  "with %s a statement is cancelled the way that its connection speaks, and the connection stays",
  async ([parameters, isEncrypted], { databaseUrl, db, tls, skip }) => {
    const [version] = (await sql<{ number: number }>`select current_setting('server_version_num')::int as number`.execute(db.sql)).rows;
    if (parameters.includes("direct") && (version?.number ?? 0) < 170_000)
      skip("PostgreSQL takes TLS without being asked from version 17 on");
    const { hostname, port } = new URL(databaseUrl);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    const codes: number[] = [];
    // Looks at what passes and cuts nothing.
    void proxy.cut({ when: (chunk) => void codes.push(codeOf(chunk)) === null, moment: "before" });
    const url = `${proxy.through(databaseUrl)}?${parameters.replace("CERTIFICATE", encodeURIComponent(tls.certificate))}`;
    await using own = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, silent);
    const connection = async () =>
      (await sql<{ pid: number; ssl: boolean }>`select pid, ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(own.sql)).rows[0];
    const before = await connection();
    expect(before?.ssl).toBe(isEncrypted);
    const sleeping = async () =>
      (await sql`select from pg_stat_activity where query like 'select /* asleep */%' and state = 'active'`.execute(db.sql)).rows.length;

    const stop = new AbortController();
    const abort = own.abort({ signal: stop.signal });
    const ended = expect(own.sql.transaction().execute((tx) => sql`select /* asleep */ pg_sleep(30)`.execute(tx, abort))).rejects.toThrow(
      "stopped",
    );
    await expect.poll(sleeping, { timeout: 5_000 }).toBe(1);
    stop.abort(new Error("stopped"));
    await ended;
    await expect.poll(sleeping, { timeout: 2_000 }).toBe(0);
    // Had the message not arrived, the connection would have been ended instead.
    expect(await connection()).toEqual(before);
    expect(codes.includes(CANCEL_REQUEST)).toBe(!isEncrypted);
    expect(codes.includes(SSL_REQUEST)).toBe(isEncrypted && !parameters.includes("direct"));
  },
);

test("a server whose certificate can't be verified is refused, and a mode that verifies nothing is asked for by its name", async ({
  databaseUrl,
  tls,
}) => {
  await using folder = await temporaryFolder();
  const other = await createAuthority(folder.path);
  const connect = async (parameters: string, host = "127.0.0.1") => {
    const url = new URL(databaseUrl);
    url.hostname = host;
    url.search = parameters;
    await using own = await openDatabase({ database: { kind: "postgres", url: url.href }, poolSize: 1 }, silent);
    await sql`select 1`.execute(own.sql);
  };
  const { hostname, port } = new URL(databaseUrl);
  const elsewhere = "127.0.0.2";
  const forwarder = createServer((socket) => void pipeline(socket, connectTcp(Number(port), hostname), socket).catch(() => {}));
  await new Promise<void>((resolve) => forwarder.listen(Number(port), elsewhere, resolve));
  onTestFinished(() => void forwarder.close());
  const rootcert = (path: string) => `sslrootcert=${encodeURIComponent(path)}`;
  await connect(`sslmode=verify-full&${rootcert(tls.certificate)}`);
  for (const mode of ["verify-full", "verify-ca", "require", "prefer"]) {
    await expect(connect(`sslmode=${mode}`), mode).rejects.toThrow(/certificate/);
    await expect(connect(`sslmode=${mode}&${rootcert(other.ca)}`), mode).rejects.toThrow(/certificate/);
    // The certificate names localhost and 127.0.0.1.
    await expect(connect(`sslmode=${mode}&${rootcert(tls.certificate)}`, elsewhere), mode).rejects.toThrow(/does not match certificate/);
  }
  await connect("sslmode=no-verify");
});
