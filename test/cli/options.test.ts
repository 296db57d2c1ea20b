import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { expect, vi } from "vitest";
import type { App } from "../../src/app.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { root, run, temporaryFolder } from "../foreign/tools.ts";
import { registryFile, serviceWith } from "../options/service-with.ts";
import { createUser, uniqueId, value } from "../support/build.ts";
import { test } from "../support/service.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 90_000 });

/** Runs `userd options …` against a service. */
const userd = ({ grpcAddress }: Pick<App, "grpcAddress">, ...args: string[]) =>
  run(process.execPath, [join(root, "bin/userd.js"), "options", ...args], { env: { USERD_ADDRESS: formatAddress(grpcAddress) } });

test("resolve says what an option is and where it comes from", async ({ service, clients }) => {
  const { options } = clients["grpc-js"];
  const { id: userId, username = "" } = await createUser(clients["grpc-js"]);
  const organizationId = uniqueId();
  await options.setOption({ userId, key: "theme", value: value("dark") });
  await options.setScopeOption({
    target: { case: "organizationId", value: organizationId },
    key: "theme",
    value: value("light"),
    locked: true,
  });
  const scope = ["--organization", String(organizationId)];
  expect((await userd(service, "resolve", username, "theme", "language", "none", ...scope)).stdout).toBe(
    `key       value    from\ntheme     "light"  locked by organization ${organizationId}\nlanguage  "en"     the definition's default\nnone      nothing\n`,
  );
  const json = JSON.parse((await userd(service, "resolve", username, "theme", "--json", ...scope)).stdout);
  expect(json).toMatchObject([{ key: "theme", value: "light", found: true, source: "OPTION_SOURCE_ORGANIZATION", locked: true }]);
  const all = (await userd(service, "resolve", String(userId))).stdout.split("\n");
  expect(all.find((line) => line.startsWith("theme "))).toMatch(/"dark" +set by the user$/);
});

test("resolve --explain is a sentence", async ({ databaseUrl, service: _ }) => {
  await using file = await registryFile(`
theme: { description: T., type: enum, values: [light, dark], default: dark }
settings: { description: S., type: object, merge: object, default: { a: 1, b: 2 } }
`);
  await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path });
  const { id: userId } = await createUser(own);
  const [projectId, organizationId] = [uniqueId(), uniqueId()];
  const explain = async (key: string, ...scope: string[]) =>
    (await userd(own.app, "resolve", String(userId), key, "--explain", ...scope)).stdout;
  const scope = ["--project", String(projectId), "--organization", String(organizationId)];
  expect(await explain("none")).toBe("none has no value: no level has one.\n");
  expect(await explain("theme")).toBe('theme is "dark", the definition\'s default.\n');
  await own.options.setOption({ userId, key: "theme", value: value("light") });
  await own.options.setScopeOption({ target: { case: "projectId", value: projectId }, key: "theme", value: value("dark"), locked: true });
  await own.options.setScopeOption({ target: { case: "globalScope", value: {} }, key: "theme", value: value("light") });
  expect(await explain("theme", ...scope)).toBe(
    `theme is "dark", locked by project ${projectId}; without that it would be "light", set by the user, and then "light", everybody's default, and then "dark", the definition's default.\n`,
  );
  await own.options.setOption({ userId, key: "settings", value: value({ b: null, c: 3 }) });
  expect(await explain("settings")).toBe(
    'settings is {"a":1,"c":3}, merged from {"b":null,"c":3}, set by the user, over {"a":1,"b":2}, the definition\'s default.\n',
  );
  await file.write("theme: { description: T., type: enum, values: [dark] }");
  await own.app.reload();
  expect(await explain("theme")).toBe(
    'theme is "light", set by the user, though it no longer fits the definition; without that it would be "light", everybody\'s default, though it no longer fits the definition.\n',
  );
});

test("set stores JSON as it is written, other words as text, and refuses what it would have to change", async ({ service, clients }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const set = (text: string) => userd(service, "set", String(userId), "cli.value", "--", text);
  const stored = async () => (await userd(service, "get", String(userId), "cli.value")).stdout.trim();
  for (const [text, json] of [
    ['{"a": [1, 9007199254740992, 0.1]}', '{"a":[1,9007199254740992,0.1]}'],
    ["007", '"007"'],
  ] as const) {
    expect(await set(text)).toMatchObject({ code: 0, stderr: "" });
    expect(await stored()).toBe(json);
  }
  const before = (await options.getOption({ userId, key: "cli.value" })).option?.etag;
  for (const [text, sentence] of [
    ["9007199254740993", /^userd: .*value.* is a whole number that a double does not hold exactly: send it as a string/],
    ['{"limits": [1, 12345678901234567890]}', /value\.limits\[1\]/],
    ["[1, 2,]", /begins like JSON and is none/],
  ] as const) {
    expect(await set(text)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(sentence) });
  }
  expect((await options.getOption({ userId, key: "cli.value" })).option?.etag).toBe(before);
});

test("an unknown user ends with 4, a service that is not there with 5", async ({ service }) => {
  expect(await userd(service, "resolve", "nobody-here", "theme")).toMatchObject({
    code: 4,
    stderr: "userd: There is no user nobody-here.\n",
  });
  expect(await userd({ grpcAddress: { host: "127.0.0.1", port: 1 } as never }, "check")).toMatchObject({ code: 5 });
});

test("check lists what does not fit and ends with 1, or with 0 when all fits", async ({ service, clients, db }) => {
  const { options } = clients["grpc-js"];
  await sql`delete from user_option`.execute(db.sql);
  const { id: userId } = await createUser(clients["grpc-js"]);
  await options.setOption({ userId, key: "theme", value: value("dark") });
  expect(await userd(service, "check")).toEqual({ code: 0, stdout: "All stored options fit their definitions.\n", stderr: "" });
  await sql`update user_option set value = '"s3cret"' where user_id = ${userId}`.execute(db.sql);
  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value) values (${userId}, 2, 7, 'theme', '"dark"')`.execute(
    db.sql,
  );
  expect(await userd(service, "check")).toEqual({
    code: 1,
    stdout: `user ${userId}, global: The option theme has to be one of "light", "dark", "system".\nuser ${userId}, project 7: The option theme can't be set in this scope, only in user.\n`,
    stderr: "userd: 2 stored options do not fit.\n",
  });
});

test("codegen refuses keys that would be called the same, and files that are broken", async () => {
  await using folder = await temporaryFolder();
  const service = { grpcAddress: { host: "127.0.0.1", port: 1 } as never };
  await using clash = await registryFile("a.b: { description: A., type: any }\na-b: { description: A., type: any }");
  const refused = await userd(service, "codegen", "--lang", "ts", "--out", folder.path, "--definitions", clash.path);
  expect([refused.code, refused.stderr]).toEqual([2, "userd: The options a-b and a.b would both be called aB.\n"]);
  await using broken = await registryFile("a: { type: any }");
  const outcome = await userd(service, "codegen", "--lang", "ts", "--out", folder.path, "--definitions", broken.path);
  expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining(`${broken.path}:1: a.description`)]);
  expect((await userd(service, "codegen", "--lang", "cobol", "--out", folder.path)).code).toBe(2);
});

test("codegen writes the same file each time, into a folder that it makes", async ({ service }) => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, "a", "b");
  const text = async () => {
    expect(await userd(service, "codegen", "--lang", "python", "--out", out)).toMatchObject({
      code: 0,
      stdout: `${out}/user_options.py: 15 options\n`,
    });
    return readFile(join(out, "user_options.py"), "utf8");
  };
  expect(await text()).toBe(await text());
});
