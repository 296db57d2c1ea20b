import { sql } from "kysely";
import { pino } from "pino";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { OptionMode, OptionScope, OptionType } from "../../src/gen/userd/v1/option_definition_pb.ts";
import { OptionSource } from "../../src/gen/userd/v1/user_option_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createUser, unique, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";
import { json } from "./json.ts";
import { registryFile, type ServiceWith, serviceWith } from "./service-with.ts";

/** A logger that keeps its lines. */
const recorder = () => {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) }) };
};

const misfitsOf = async ({ app }: ServiceWith, key: string) => {
  const text = await (await fetch(`http://${formatAddress(app.httpAddress)}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith("userd_option_misfits_total") && line.includes(`"${key}"`));
};

/** The user verifies its address, as it would by mail. */
const verify = (db: Database, userId: bigint) => sql`update user_email set is_verified = true where user_id = ${userId}`.execute(db.sql);

describe.for(clientKinds)("the built-in registry, through %s", (kind) => {
  test("O32 a value that does not fit is refused, with the key, and nothing is stored", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const bad: [string, Parameters<typeof value>[0], object?][] = [
      ["theme", "chartreuse"],
      ["theme", null],
      ["timezone", "Mars/Base"],
      ["language", "not a language"],
      ["clock_24_hours", "true"],
      ["stacktrace_order", 2],
      ["self_notifications", true],
      ["reports:disabled-organizations", ["1"]],
      ["reports:disabled-organizations", [1, 1]],
      ["feature:assignment", { state: "x", other: 1 }],
      ["feature:assignment", { updated: 5 }],
      ["issue:defaults", [], { projectId: 1n }],
      ["deploy-emails", "1", { organizationId: 1n }],
    ];
    for (const [key, stored, scope] of bad) {
      const request = options.setOption({ userId, key, value: value(stored), ...scope });
      const { info, fields } = await expectRefusal(request, "InvalidArgument", "OPTION_VALUE_INVALID");
      expect([info?.metadata, fields]).toEqual([{ key }, ["value"]]);
    }
    expect((await options.listOptions({ userId, allScopes: true })).options).toEqual([]);
    const good: typeof bad = [
      ["theme", "dark"],
      ["prefers_issue_details_streamlined_ui", null],
      ["feature:assignment", { updated: "2026-01-01T00:00:00Z", state: "viewed" }],
      ["subscribe_by_default", "0", { projectId: 1n }],
    ];
    for (const [key, stored, scope] of good) await options.setOption({ userId, key, value: value(stored), ...scope });
  });

  test("O34 a scope that the definition does not list is refused", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    for (const [key, stored, scope] of [
      ["theme", "dark", { projectId: 1n }],
      ["theme", "dark", { organizationId: 1n }],
      ["deploy-emails", "2", {}],
      ["deploy-emails", "2", { projectId: 1n }],
      ["issue:defaults", {}, { organizationId: 1n }],
    ] as const) {
      const { info } = await expectRefusal(
        options.setOption({ userId, key, value: value(stored), ...scope }),
        "InvalidArgument",
        "OPTION_SCOPE_NOT_ALLOWED",
      );
      expect(info?.metadata).toEqual({ key });
    }
  });

  test("definitions are listed by key, and found by it", async ({ clients }) => {
    const { options } = clients[kind];
    const { definitions } = await options.listOptionDefinitions({});
    const keys = definitions.map(({ key }) => key);
    expect(keys).toEqual(keys.toSorted());
    const { definition } = await options.getOptionDefinition({ key: "subscribe_by_default" });
    expect(definition).toEqual(definitions.find(({ key }) => key === "subscribe_by_default"));
    expect(definition).toMatchObject({
      type: OptionType.ENUM,
      scopes: [OptionScope.USER, OptionScope.PROJECT],
      mode: OptionMode.ENFORCE,
      maxBytes: 65_536,
    });
    expect([definition?.values.map(json), json(definition?.defaultValue)]).toEqual([["0", "1"], "1"]);
    const { definition: assignment } = await options.getOptionDefinition({ key: "feature:assignment" });
    expect(assignment).toMatchObject({ nullable: true, schema: { required: ["state"] } });
    await expectRefusal(options.getOptionDefinition({ key: "none" }), "NotFound", "DEFINITION_NOT_FOUND");
    await expectRefusal(options.getOptionDefinition({ key: "__proto__" }), "NotFound", "DEFINITION_NOT_FOUND");
    await expectRefusal(options.getOptionDefinition({ key: "" }), "InvalidArgument", "FIELD_INVALID");
  });
});

describe("mail:email", () => {
  const key = "mail:email";

  test("O32 is one of the user's verified addresses, in any case, and by default the primary one", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const [ann, ben] = await Promise.all([createUser(clients["grpc-js"]), createUser(clients["grpc-js"])]);
    const [address = "", other = ""] = [ann.email, ben.email];
    const set = (email: string) => options.setOption({ userId: ann.id, key, projectId: 1n, value: value(email) });
    await expectRefusal(set(address), "InvalidArgument", "OPTION_VALUE_INVALID");
    await verify(db, ann.id);
    await verify(db, ben.id);
    await expectRefusal(set(other), "InvalidArgument", "OPTION_VALUE_INVALID");
    await expectRefusal(set(""), "InvalidArgument", "OPTION_VALUE_INVALID");
    expect(await set(address.toUpperCase())).toMatchObject({ created: true });
    const change = { change: { case: "set" as const, value: { key, projectId: 1n, value: value(other) } } };
    const { error } = await expectRefusal(
      options.applyOptionChanges({ userId: ann.id, changes: [change] }),
      "InvalidArgument",
      "OPTION_VALUE_INVALID",
    );
    expect(error.message).not.toContain(other);
    const { results } = await options.resolveOptions({ userIds: [ann.id, ben.id], keys: [key], projectId: 1n });
    expect(results.map((result) => [json(result.options[0]?.value), result.options[0]?.source])).toEqual([
      [address.toUpperCase(), OptionSource.USER_PROJECT],
      [other, OptionSource.DEFINITION],
    ]);
  });

  test("O13 of an unknown user is NOT_FOUND like any other", async ({ clients }) => {
    const request = { userId: 9_000_000_000_000n, key, projectId: 1n, value: value("a@example.com") };
    await expectRefusal(clients["grpc-js"].options.setOption(request), "NotFound", "USER_NOT_FOUND");
  });
});

describe("another registry over the same database", () => {
  test("O33 WARN stores, logs the key and counts; OFF stores; what is unregistered is stored", async ({ databaseUrl, service: _ }) => {
    const { lines, log } = recorder();
    await using file = await registryFile(`
warned: { description: W., type: int, mode: warn, scopes: [organization] }
off: { description: O., type: int, mode: "off" }
`);
    await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path }, log);
    const { id: userId } = await createUser(own);
    for (const key of ["warned", "off", "free"]) {
      expect(await own.options.setOption({ userId, key, value: value("s3cret") })).toMatchObject({ created: true });
    }
    expect(lines.filter(({ msg }) => msg === "an option does not fit its definition")).toMatchObject([
      { key: "warned", reason: "OPTION_SCOPE_NOT_ALLOWED" },
    ]);
    expect(JSON.stringify(lines)).not.toContain("s3cret");
    expect(await misfitsOf(own, "warned")).toEqual(['userd_option_misfits_total{key="warned",mode="warn"} 1']);
    expect(await misfitsOf(own, "off")).toEqual([]);
  });

  test("O33 a setting refuses what is unregistered, for users and scopes; what is there can be read and deleted", async ({
    clients,
    databaseUrl,
  }) => {
    await using own = await serviceWith(databaseUrl, { UNREGISTERED_OPTIONS: "refuse" });
    const { id: userId } = await createUser(own);
    const key = unique("free");
    await clients["grpc-js"].options.setOption({ userId, key, value: value(1) });
    const { info, fields } = await expectRefusal(
      own.options.setOption({ userId, key, value: value(2) }),
      "InvalidArgument",
      "OPTION_KEY_UNREGISTERED",
    );
    expect([info?.metadata, fields]).toEqual([{ key }, ["value"]]);
    const target = { case: "globalScope" as const, value: {} };
    await expectRefusal(own.options.setScopeOption({ target, key, value: value(1) }), "InvalidArgument", "OPTION_KEY_UNREGISTERED");
    const change = { change: { case: "set" as const, value: { key, value: value(2) } } };
    const refused = await expectRefusal(
      own.options.applyOptionChanges({ userId, changes: [change] }),
      "InvalidArgument",
      "OPTION_KEY_UNREGISTERED",
    );
    expect(refused.fields).toEqual(["changes[0].set.value"]);
    const { results } = await own.options.batchSetOptions({ entries: [{ userId, key, value: value(2) }] });
    expect(results.map(({ result }) => result.case)).toEqual(["error"]);
    expect(json((await own.options.getOption({ userId, key })).value)).toBe(1);
    await own.options.setOption({ userId, key: "theme", value: value("dark") });
    await own.options.deleteOption({ userId, key });
  });

  test("O36 a value that no longer fits is returned, marked invalid, and listed by the check", async ({ clients, databaseUrl }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const other = await createUser(clients["grpc-js"]);
    const organizationId = 5n;
    const target = { case: "organizationId" as const, value: organizationId };
    await options.setOption({ userId, key: "tight", value: value("long enough") });
    await options.setOption({ userId, key: "tight", organizationId, value: value("ok") });
    await options.setOption({ userId: other.id, key: "tight", value: value("ok") });
    await options.setScopeOption({ target, key: "tight", value: value(7) });
    await using file = await registryFile("tight: { description: T., type: string, max_bytes: 5, scopes: [user], default: d }");
    await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path });
    const { results } = await own.options.resolveOptions({ userIds: [userId], keys: ["tight"], organizationId, explain: true });
    expect(results[0]?.options[0]?.trail.map((level) => [level.source, json(level.value), level.invalid])).toEqual([
      [OptionSource.USER_ORGANIZATION, "ok", true], // the scope is not one of the definition's
      [OptionSource.USER_GLOBAL, "long enough", true], // too large
      [OptionSource.ORGANIZATION, 7, true], // another type
      [OptionSource.DEFINITION, "d", false],
    ]);
    expect(json((await own.options.getOption({ userId, key: "tight" })).value)).toBe("long enough");
    const found: [bigint | undefined, bigint | undefined, string][] = [];
    let pages = 0;
    for (let pageToken = ""; pages === 0 || pageToken !== ""; pages += 1) {
      const page = await own.options.listInvalidOptions({ pageSize: 1, pageToken });
      found.push(...page.invalidOptions.map(({ option, violation }) => [option?.userId, option?.organizationId, violation] as never));
      pageToken = page.nextPageToken;
    }
    expect(found).toEqual([
      [userId, 0n, "The option tight is larger than 5 bytes."],
      [userId, organizationId, "The option tight can't be set in this scope, only in user."],
    ]);
    expect(pages).toBe(3);
    // What fits can be set again, what does not stays until somebody does.
    const again = own.options.setOption({ userId, key: "tight", value: value("long enough") });
    await expectRefusal(again, "InvalidArgument", "OPTION_VALUE_TOO_LARGE");
  });

  test("what a tightened enum no longer has is listed, and still what the user gets", async ({ clients, databaseUrl }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await options.setOption({ userId, key: "theme", value: value("dark") });
    await using file = await registryFile("theme: { description: T., type: enum, values: [light], default: light }");
    await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path });
    const { invalidOptions } = await own.options.listInvalidOptions({ pageSize: 1_000 });
    const mine = invalidOptions.filter(({ option }) => option?.userId === userId);
    expect(mine.map(({ violation }) => violation)).toEqual(['The option theme has to be one of "light".']);
    const { results } = await own.options.resolveOptions({ userIds: [userId], keys: ["theme"] });
    expect(json(results[0]?.options[0]?.value)).toBe("dark");
  });
});

describe("a registry file that changes", () => {
  test("is read anew on reload; a broken one is logged and the old one stays", async ({ databaseUrl, service: _ }) => {
    const { lines, log } = recorder();
    await using file = await registryFile("level: { description: L., type: int, default: 1 }");
    await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path }, log);
    const { id: userId } = await createUser(own);
    const defaultOf = async () => {
      const { results } = await own.options.resolveOptions({ userIds: [userId], keys: ["level"] });
      return json(results[0]?.options[0]?.value);
    };
    expect(await defaultOf()).toBe(1);
    await file.write("level:\n  description: L.\n  type: colour\n");
    await own.app.reload();
    expect(await defaultOf()).toBe(1);
    expect(lines.at(-1)).toMatchObject({ level: 50, msg: "the option definitions are broken; the old ones stay" });
    expect(JSON.stringify(lines.at(-1))).toContain(`${file.path}:3: level.type`);
    await file.write("level: { description: L., type: int, default: 2 }");
    await own.app.reload();
    expect(await defaultOf()).toBe(2);
    expect(lines.at(-1)).toMatchObject({ level: 30, keys: 1, msg: "option definitions reloaded" });
  });

  test("that is broken refuses the start, with file, line and key", async ({ databaseUrl, service: _ }) => {
    await using file = await registryFile("ok: { description: K., type: any }\nbad:\n  description: B.\n  type: enum\n");
    await expect(serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path })).rejects.toThrow(
      `${file.path}:4: bad.type: enum needs values`,
    );
    await expect(serviceWith(databaseUrl, { OPTION_DEFINITIONS: "/nowhere.yaml" })).rejects.toThrow("can't be read");
  });
});
