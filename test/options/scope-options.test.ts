import { sql } from "kysely";
import { describe, expect } from "vitest";
import { createUser, unique, uniqueId, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";
import { json } from "./json.ts";

describe.for(clientKinds)("options of scopes, through %s", (kind) => {
  test("set, get, list and delete, for everybody, an organization and a project", async ({ clients }) => {
    const { options } = clients[kind];
    const id = uniqueId();
    const key = unique("sentry:");
    const targets = [
      { case: "globalScope" as const, value: {} },
      { case: "organizationId" as const, value: id },
      { case: "projectId" as const, value: id },
    ];
    for (const target of targets) {
      const set = await options.setScopeOption({ target, key, value: value(target.case), locked: target.case === "projectId" });
      expect(set).toMatchObject({ created: true, changed: true });
      expect(set.option?.target.case).toBe(target.case);
    }
    for (const target of targets) {
      const { option } = await options.getScopeOption({ target, key });
      expect([json(option?.value), option?.locked]).toEqual([target.case, target.case === "projectId"]);
      const { options: listed } = await options.listScopeOptions({ target });
      expect(listed.find((one) => one.key === key)).toEqual(option);
    }
    for (const target of targets) {
      expect((await options.deleteScopeOption({ target, key })).option?.target.case).toBe(target.case);
      await expectRefusal(options.getScopeOption({ target, key }), "NotFound", "OPTION_NOT_FOUND");
      await expectRefusal(options.deleteScopeOption({ target, key }), "NotFound", "OPTION_NOT_FOUND");
      expect((await options.deleteScopeOption({ target, key, allowMissing: true })).option).toBeUndefined();
    }
  });
});

describe("options of scopes", () => {
  test("an equal value with an equal lock writes nothing; either of them alone is a change", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const target = { case: "organizationId" as const, value: uniqueId() };
    const logged = async () => (await db.sql.selectFrom("changes").select("id").where("aggregate_id", "=", target.value).execute()).length;
    const first = await options.setScopeOption({ target, key: "k", value: value({ a: 1, b: 2 }) });
    expect(await options.setScopeOption({ target, key: "k", value: value({ b: 2, a: 1.0 }) })).toMatchObject({
      created: false,
      changed: false,
      option: first.option,
    });
    expect(await logged()).toBe(1);
    expect(await options.setScopeOption({ target, key: "k", value: value({ a: 1, b: 2 }), locked: true })).toMatchObject({ changed: true });
    expect(await options.setScopeOption({ target, key: "k", value: value(null), locked: true })).toMatchObject({ changed: true });
    expect(await logged()).toBe(3);
  });

  test("a stale etag is ABORTED and says the current one", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const target = { case: "projectId" as const, value: uniqueId() };
    const first = await options.setScopeOption({ target, key: "k", value: value(1) });
    const etag = first.option?.etag ?? "";
    const second = await options.setScopeOption({ target, key: "k", value: value(2), etag });
    const { info } = await expectRefusal(options.setScopeOption({ target, key: "k", value: value(3), etag }), "Aborted", "ETAG_MISMATCH");
    expect(info?.metadata).toEqual({ etag: second.option?.etag });
    await expectRefusal(options.deleteScopeOption({ target, key: "k", etag }), "Aborted", "ETAG_MISMATCH");
    await expectRefusal(options.setScopeOption({ target, key: "other", value: value(1), etag }), "Aborted", "ETAG_MISMATCH");
    await options.deleteScopeOption({ target, key: "k", etag: second.option?.etag ?? "" });
  });

  test("O16 a request_id makes one write of two", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const request = {
      target: { case: "projectId" as const, value: uniqueId() },
      key: "k",
      value: value(1),
      requestId: crypto.randomUUID(),
    };
    const first = await options.setScopeOption(request);
    await options.setScopeOption({ ...request, value: value(2), requestId: "" });
    expect(await options.setScopeOption(request)).toEqual(first);
    await expectRefusal(options.setScopeOption({ ...request, locked: true }), "InvalidArgument", "REQUEST_ID_REUSED");
  });

  test("what is refused: no target, ids below 1, keys over 128 characters, values that can't be stored", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const target = { case: "projectId" as const, value: uniqueId() };
    const ok = { target, key: "k", value: value(1) };
    await expectRefusal(options.setScopeOption({ key: "k", value: value(1) }), "InvalidArgument", "FIELD_INVALID");
    for (const id of [0n, -1n]) {
      const request = options.setScopeOption({ ...ok, target: { case: "organizationId", value: id } });
      await expectRefusal(request, "InvalidArgument", "FIELD_INVALID");
    }
    for (const key of ["", "a b", "k".repeat(129)]) {
      await expectRefusal(options.setScopeOption({ ...ok, key }), "InvalidArgument", "FIELD_INVALID");
      await expectRefusal(options.getScopeOption({ target, key }), "InvalidArgument", "FIELD_INVALID");
      await expectRefusal(options.deleteScopeOption({ target, key }), "InvalidArgument", "FIELD_INVALID");
    }
    await options.setScopeOption({ ...ok, key: "k".repeat(128) });
    await expectRefusal(options.setScopeOption({ ...ok, value: value("x".repeat(70_000)) }), "InvalidArgument", "OPTION_VALUE_TOO_LARGE");
    await expectRefusal(options.setScopeOption({ ...ok, value: value("\0") }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(options.setScopeOption({ target, key: "k" }), "InvalidArgument", "FIELD_INVALID");
  });

  test("O32 a value has to fit its definition, in whatever scope it is a default", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const target = { case: "organizationId" as const, value: uniqueId() };
    const { info } = await expectRefusal(
      options.setScopeOption({ target, key: "theme", value: value("chartreuse") }),
      "InvalidArgument",
      "OPTION_VALUE_INVALID",
    );
    expect(info?.metadata).toEqual({ key: "theme" });
    // The scopes of a definition are those of a user's own values.
    await options.setScopeOption({ target, key: "theme", value: value("dark") });
  });

  test("they are listed by key, page by page", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const target = { case: "projectId" as const, value: uniqueId() };
    const keys = ["B", "__proto__", "a", "a:b", "z"].sort();
    for (const key of keys.toReversed()) await options.setScopeOption({ target, key, value: value(1) });
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await options.listScopeOptions({ target, pageSize: 2, pageToken });
      seen.push(...page.options.map(({ key }) => key));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(keys);
    const { nextPageToken } = await options.listScopeOptions({ target, pageSize: 2 });
    const elsewhere = options.listScopeOptions({ target: { case: "organizationId", value: target.value }, pageToken: nextPageToken });
    await expectRefusal(elsewhere, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });

  test("O20 a write is visible to every read at once, its token included, and moves the version of its scope", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const target = { case: "organizationId" as const, value: uniqueId() };
    for (let round = 1; round <= 3; round += 1) {
      const { consistencyToken } = await options.setScopeOption({ target, key: "k", value: value(round) });
      const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
      const { results } = await options.resolveOptions({ userIds: [userId], keys: ["k"], organizationId: target.value, consistency });
      expect(json(results[0]?.options[0]?.value)).toBe(round);
      expect(json((await options.getScopeOption({ target, key: "k", consistency })).option?.value)).toBe(round);
      expect(json((await options.listScopeOptions({ target, consistency })).options[0]?.value)).toBe(round);
      const { rows } = await sql<{ version: bigint }>`
        select version from aggregate_version where kind = 'organization' and id = ${target.value}`.execute(db.sql);
      expect(rows[0]?.version).toBe(BigInt(round));
    }
  });

  test("100 concurrent first sets make one row", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const target = { case: "projectId" as const, value: uniqueId() };
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => options.setScopeOption({ target, key: "raced", value: value(index) })),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect((await options.listScopeOptions({ target })).options).toHaveLength(1);
  });
});
