import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { needTools, temporaryFolder } from "../foreign/tools.ts";
import { sha256 } from "../server/callers/callers-file.ts";
import { createUser, unique, value } from "../support/build.ts";
import { createAuthority } from "../support/certificates.ts";
import { silent } from "../support/database.ts";
import { expectSentence } from "../support/sentence.ts";
import { test as base, testConfig } from "../support/service.ts";
import { runUserd } from "../support/userd.ts";

/** `userd` is the command line with the address of the file's service. */
const test = base.extend("userd", { scope: "file" }, async ({ service }) => {
  const settings = { USERD_ADDRESS: formatAddress(service.grpcAddress) };
  return (...args: string[]) => runUserd(args, { settings });
});

describe("userd, as a client of a running service,", { concurrent: true, timeout: 120_000 }, () => {
  test("shows a user by id, username or address, for people and as JSON", async ({ userd, clients }) => {
    const user = await createUser(clients["grpc-js"], { username: unique("ann"), name: "Ann" });
    const [byName, byEmail] = await Promise.all([
      userd("users", "show", user.username ?? ""),
      userd("users", "show", user.email ?? "", "--json"),
    ]);
    expect(byName).toMatchObject({ code: 0, stderr: "" });
    expect(byName.stdout).toMatch(new RegExp(`^email +${user.email} \\(primary\\)$`, "m"));
    expect(JSON.parse(byEmail.stdout)).toMatchObject({
      id: String(user.id),
      name: "Ann",
      emails: [{ email: user.email, isPrimary: true }],
    });
  });

  test("sets, gets and lists options, JSON and plain text alike", async ({ userd, clients }) => {
    const { id } = await createUser(clients["grpc-js"]);
    const user = String(id);
    expect(await userd("options", "set", user, "theme", "dark")).toMatchObject({ code: 0, stdout: "created\n" });
    expect(await userd("options", "set", user, "theme", '"dark"')).toMatchObject({ code: 0, stdout: "unchanged\n" });
    expect(await userd("options", "set", user, "layout", '{"a": [1, true]}', "--project", "7")).toMatchObject({ stdout: "created\n" });
    expect(await userd("options", "get", user, "layout", "--project", "7")).toMatchObject({ code: 0, stdout: '{"a":[1,true]}\n' });
    expect((await userd("options", "list", user)).stdout).toMatch(/^project 7 +layout +\{"a":\[1,true\]\}$/m);
    const { stdout } = await userd("options", "list", user, "--json");
    expect(JSON.parse(stdout)).toMatchObject([
      { key: "theme", value: "dark" },
      { key: "layout", projectId: "7" },
    ]);
  });

  test("ends with a code and a sentence that scripts and people can use", async ({ userd, clients }) => {
    const email = `${unique("two")}@example.com`;
    const first = await createUser(clients["grpc-js"], { username: unique("n"), email });
    const second = await createUser(clients["grpc-js"], { username: unique("n"), email });
    await clients["grpc-js"].options.setOption({ userId: first.id, key: "k", value: value(1) });
    const [ambiguous, noUser, noOption, badKey, nobody] = await Promise.all([
      userd("users", "show", email),
      userd("users", "show", "999999999999999999"),
      userd("options", "get", String(first.id), "absent"),
      userd("options", "set", String(first.id), "bad key", "1"),
      runUserd(["users", "show", "1", "--address", "127.0.0.1:1"]),
    ]);
    expectSentence(ambiguous, 3, new RegExp(`Several users have this address: ${first.id}, ${second.id}\\. Name one by its id\\.`));
    expectSentence(noUser, 4, /There is no user 999999999999999999\./);
    expectSentence(noOption, 4, /has no option absent in this scope\./);
    expectSentence(badKey, 2, /key: must match .* \(FIELD_INVALID\)/);
    expectSentence(
      nobody,
      5,
      /^userd: No service answers at 127\.0\.0\.1:1 \(.*\): start one with `userd serve`, or name another with --address\.$/m,
    );
  });
});

describe("userd over TLS", { concurrent: true, timeout: 120_000 }, () => {
  test("trusts the service by --ca, and shows a token from a file, or a certificate", async ({ databaseUrl, skip }) => {
    needTools(skip, "openssl");
    await using folder = await temporaryFolder();
    const at = (file: string) => join(folder.path, file);
    const authority = await createAuthority(folder.path);
    const server = await authority.issue("server");
    const client = await authority.issue("client", { names: "URI:spiffe://example.org/cli", usage: "clientAuth" });
    const permissions = ["users.read", "users.write", "options.read", "options.write"];
    const callers = [{ name: "cli", token_sha256: sha256("canary"), subject_alt_names: ["spiffe://example.org/cli"], permissions }];
    await writeFile(at("callers.json"), JSON.stringify({ callers }));
    await writeFile(at("token"), "canary\n");
    const settings = { TLS_CERT: server.cert, TLS_KEY: server.key, TLS_CLIENT_CA: authority.ca, TOKEN_FILE: at("callers.json") };
    await using app = await startApp(testConfig(databaseUrl, settings), silent, { migrate: true });
    const address = `localhost:${app.grpcAddress.port}`;
    const run = (...args: string[]) => runUserd(args, { settings: { USERD_ADDRESS: address } });

    const email = `${unique("tls")}@example.com`;
    const created = await run(
      "users",
      "create",
      "--email",
      email,
      "--name",
      "Ann \u202eekiM",
      "--ca",
      authority.ca,
      "--token-file",
      at("token"),
    );
    expect(created).toMatchObject({ code: 0, stderr: "" });
    const mutual = ["--ca", authority.ca, "--cert", client.cert, "--key", client.key];
    const shown = await run("users", "show", email, ...mutual);
    expect(shown.stdout, "no name turns the direction of the line").toContain("Ann \\u202eekiM");
    // The first byte of a sequence that terminals obey, which JSON does not escape by itself.
    expect(await run("options", "set", email, "k", '"\u009b2J"', ...mutual)).toMatchObject({ stdout: "created\n" });
    expect((await run("options", "get", email, "k", ...mutual)).stdout).toBe('"\\u009b2J"\n');

    expectSentence(await run("users", "list", "--ca", authority.ca), 1, /needs a known token .* \(CREDENTIALS_REQUIRED\)/);
    expectSentence(await run("users", "list", "--token-file", at("token")), 5, /has cut the connection: if it speaks TLS/);
    expectSentence(await run("users", "list", "--cert", client.cert), 2, /--cert and --key are given together/);
    expectSentence(await run("users", "list", "--token-file", at("nowhere")), 2, /--token-file .* can't be read \(ENOENT\)/);
    expectSentence(await run("users", "list", "--address", `http://${address}`, "--ca", authority.ca), 2, /are for an address with https/);
    const untrusted = await run("users", "list", "--address", `https://${address}`, "--token-file", at("token"));
    expectSentence(untrusted, 1, /certificate/);
  });
});
