import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { createUser, unique, uniqueId, value } from "../support/build.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";

const UNKNOWN_USER = 9_000_000_000_000n;
const json = (message: Parameters<typeof toJson<typeof ValueSchema>>[1] | undefined) => message && toJson(ValueSchema, message);

/** The behaviours of options in one scope, through one kind of client, over whatever database `test` brings. */
export const oneScopeCases = (test: ServiceTest, kind: ClientKind): void => {
  test("O1 nothing stored is found=false, and the default value if there is one", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const bare = await options.getOption({ userId, key: "a_key" });
    expect(bare).toMatchObject({ found: false });
    expect(bare.value).toBeUndefined();
    expect(bare.option).toBeUndefined();
    const withDefault = await options.getOption({ userId, key: "a_key", defaultValue: value(1) });
    expect(withDefault.found).toBe(false);
    expect(json(withDefault.value)).toBe(1);
  });

  test("O2 the same JSON comes back", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const stored = { b: [1, null, "x", { deep: true }], a: { b: 3 } };
    const set = await options.setOption({ userId, key: "a_key", value: value(stored) });
    expect(set).toMatchObject({ created: true, changed: true });
    const got = await options.getOption({ userId, key: "a_key" });
    expect(got.found).toBe(true);
    expect(json(got.value)).toEqual(stored);
    expect(got.option).toMatchObject({ userId, key: "a_key", projectId: 0n, organizationId: 0n, etag: set.option?.etag });
    expect(json(got.option?.value)).toEqual(stored);
  });

  test("O3 a scope has nothing of another one", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    await options.setOption({ userId, key: "a_key", value: value(1) });
    await options.setOption({ userId, key: "b_key", value: value(2), organizationId: 7n });
    expect(await options.getOption({ userId, key: "a_key", projectId: 7n })).toMatchObject({ found: false });
    expect(await options.getOption({ userId, key: "a_key", organizationId: 7n })).toMatchObject({ found: false });
    expect(await options.getOption({ userId, key: "b_key" })).toMatchObject({ found: false });
    expect(await options.getOption({ userId, key: "b_key", projectId: 7n })).toMatchObject({ found: false });
  });

  test("O4 three scopes hold three independent values", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const scopes = [
      [{}, { a: 1 }],
      [{ projectId: 5n }, "asdf"],
      [{ organizationId: 5n }, 9873],
    ] as const;
    for (const [scope, stored] of scopes) await options.setOption({ userId, key: "k", value: value(stored), ...scope });
    for (const [scope, stored] of scopes) expect(json((await options.getOption({ userId, key: "k", ...scope })).value)).toEqual(stored);
    for (const [scope, stored] of scopes) {
      const list = await options.listOptions({ userId, ...scope });
      expect(list.options.map((option) => json(option.value))).toEqual([stored]);
    }
  });

  test("O5 both scopes are refused everywhere and nothing is stored; explicit zeros are no scope", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const both = { projectId: 1n, organizationId: 2n };
    await expectRefusal(options.getOption({ userId, key: "k", ...both }), "InvalidArgument", "OPTION_SCOPE_CONFLICT");
    await expectRefusal(options.setOption({ userId, key: "k", value: value(1), ...both }), "InvalidArgument", "OPTION_SCOPE_CONFLICT");
    await expectRefusal(options.deleteOption({ userId, key: "k", ...both }), "InvalidArgument", "OPTION_SCOPE_CONFLICT");
    await expectRefusal(options.listOptions({ userId, ...both }), "InvalidArgument", "OPTION_SCOPE_CONFLICT");
    await expectRefusal(options.batchGetOptions({ userIds: [userId], ...both }), "InvalidArgument", "OPTION_SCOPE_CONFLICT");
    await expectRefusal(
      options.batchGetOptions({ userIds: [userId], projectId: 1n, projectIds: [2n] }),
      "InvalidArgument",
      "OPTION_SCOPE_CONFLICT",
    );
    await expectRefusal(options.listOptions({ userId, allScopes: true, projectId: 1n }), "InvalidArgument", "OPTION_SCOPE_CONFLICT");
    expect((await options.listOptions({ userId, allScopes: true })).options).toEqual([]);
    await options.setOption({ userId, key: "k", value: value(1), projectId: 0n, organizationId: 0n });
    expect((await options.listOptions({ userId })).options).toHaveLength(1);
  });

  test("O6 a batch answers in request order, duplicates included", async ({ clients }) => {
    const { options } = clients[kind];
    const [u1, u2] = await Promise.all([createUser(clients[kind]), createUser(clients[kind])]);
    await options.setOption({ userId: u1.id, key: "a_key", value: value("one") });
    await options.setOption({ userId: u2.id, key: "a_key", value: value("two") });
    const { results } = await options.batchGetOptions({ userIds: [u2.id, u1.id, u2.id], keys: ["a_key"] });
    expect(results.map(({ userId }) => userId)).toEqual([u2.id, u1.id, u2.id]);
    expect(results.map((result) => result.options.map((option) => json(option.value)))).toEqual([["two"], ["one"], ["two"]]);
  });

  test("O7 a batch lists only the keys that are set; without keys all of them", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    await options.setOption({ userId, key: "a_key", value: value(1) });
    await options.setOption({ userId, key: "c_key", value: value(3) });
    const keysOf = async (keys: string[]) => {
      const { results } = await options.batchGetOptions({ userIds: [userId], keys });
      return results[0]?.options.map(({ key }) => key);
    };
    expect(await keysOf(["a_key", "b_key"])).toEqual(["a_key"]);
    expect(await keysOf([])).toEqual(["a_key", "c_key"]);
  });

  test("O8 a batch of projects holds the options of these projects only", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    for (const [index, scope] of [{}, { organizationId: 1n }, { projectId: 1n }, { projectId: 2n }, { projectId: 3n }].entries()) {
      await options.setOption({ userId, key: "k", value: value(index), ...scope });
    }
    const { results } = await options.batchGetOptions({ userIds: [userId], projectIds: [2n, 1n] });
    expect(results[0]?.options.map(({ projectId, organizationId }) => [projectId, organizationId])).toEqual([
      [1n, 0n],
      [2n, 0n],
    ]);
  });

  test("O9 deleting all global options leaves the project's", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    await options.setOption({ userId, key: "a", value: value(1) });
    await options.setOption({ userId, key: "b", value: value(2) });
    await options.setOption({ userId, key: "a", value: value(3), projectId: 4n });
    for (const { key } of (await options.listOptions({ userId })).options) await options.deleteOption({ userId, key });
    const { options: left } = await options.listOptions({ userId, allScopes: true });
    expect(left.map(({ key, projectId }) => [key, projectId])).toEqual([["a", 4n]]);
  });

  test("O10 a stored null is found, and is not replaced by the default", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    await options.setOption({ userId, key: "k", value: value(null) });
    const got = await options.getOption({ userId, key: "k", defaultValue: value(1) });
    expect(got.found).toBe(true);
    expect(got.value?.kind).toEqual({ case: "nullValue", value: 0 });
  });

  test("O11 a value changes when the JSON does: 1 to true, not 1 to 1.0", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const changes = async (from: string | number, to: string | number | boolean) => {
      const key = unique("k");
      await options.setOption({ userId, key, value: value(from) });
      const { changed, created } = await options.setOption({ userId, key, value: value(to) });
      expect(created).toBe(false);
      return changed;
    };
    expect(await changes(1, true)).toBe(true);
    expect(await changes(1, 1.0)).toBe(false);
    expect(await changes("1", 1)).toBe(true);
  });

  test("O13 an unknown user is NOT_FOUND, and user_found=false in a batch", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    await expectRefusal(options.getOption({ userId: UNKNOWN_USER, key: "k" }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(options.listOptions({ userId: UNKNOWN_USER }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(options.setOption({ userId: UNKNOWN_USER, key: "k", value: value(1) }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(options.deleteOption({ userId: UNKNOWN_USER, key: "k", allowMissing: true }), "NotFound", "USER_NOT_FOUND");
    const { results } = await options.batchGetOptions({ userIds: [UNKNOWN_USER, userId] });
    expect(results.map(({ userFound }) => userFound)).toEqual([false, true]);
  });

  test("O15 a stale etag is ABORTED and says the current one", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const target = { userId, key: "k" };
    const first = await options.setOption({ ...target, value: value(1) });
    const etag = first.option?.etag ?? "";
    const second = await options.setOption({ ...target, value: value(2), etag });
    const { info } = await expectRefusal(options.setOption({ ...target, value: value(3), etag }), "Aborted", "ETAG_MISMATCH");
    expect(info?.metadata).toEqual({ etag: second.option?.etag });
    expect(json((await options.getOption(target)).value)).toBe(2);
    await expectRefusal(options.deleteOption({ ...target, etag }), "Aborted", "ETAG_MISMATCH");
    const missing = await expectRefusal(options.setOption({ userId, key: "absent", value: value(1), etag }), "Aborted", "ETAG_MISMATCH");
    expect(missing.info?.metadata).toEqual({});
  });

  test("O15 an etag of a deleted option does not fit its successor", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const target = { userId, key: "k", value: value(1) };
    const { option } = await options.setOption(target);
    await options.deleteOption({ userId, key: "k", etag: option?.etag ?? "" });
    await options.setOption(target);
    await expectRefusal(options.deleteOption({ userId, key: "k", etag: option?.etag ?? "" }), "Aborted", "ETAG_MISMATCH");
  });

  test("O16 a request_id makes one write of two, and fits one request only", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const request = { userId, key: "k", value: value(1), requestId: crypto.randomUUID() };
    const first = await options.setOption(request);
    await options.setOption({ userId, key: "k", value: value("meanwhile") });
    expect(await options.setOption(request)).toEqual(first);
    expect(json((await options.getOption({ userId, key: "k" })).value)).toBe("meanwhile");
    const reuse = await expectRefusal(options.setOption({ ...request, value: value(2) }), "InvalidArgument", "REQUEST_ID_REUSED");
    expect(reuse.fields).toEqual(["request_id"]);
    await expectRefusal(options.setOption({ ...request, requestId: "not a uuid" }), "InvalidArgument", "FIELD_INVALID");
  });

  test("O17 deleting a missing option is NOT_FOUND unless allow_missing", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    await expectRefusal(options.deleteOption({ userId, key: "k" }), "NotFound", "OPTION_NOT_FOUND");
    expect((await options.deleteOption({ userId, key: "k", allowMissing: true })).option).toBeUndefined();
    await options.setOption({ userId, key: "k", value: value(1) });
    expect(json((await options.deleteOption({ userId, key: "k" })).option?.value)).toBe(1);
    expect(await options.getOption({ userId, key: "k" })).toMatchObject({ found: false });
  });

  test("O18 keys: what is refused, and what comes back exactly", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    for (const key of ["", "k".repeat(65), "a b", "ä", "a\n"]) {
      const { fields } = await expectRefusal(options.setOption({ userId, key, value: value(1) }), "InvalidArgument", "FIELD_INVALID");
      expect(fields).toEqual(["key"]);
      await expectRefusal(options.getOption({ userId, key }), "InvalidArgument", "FIELD_INVALID");
      await expectRefusal(options.deleteOption({ userId, key }), "InvalidArgument", "FIELD_INVALID");
      await expectRefusal(options.batchGetOptions({ userIds: [userId], keys: [key] }), "InvalidArgument", "FIELD_INVALID");
    }
    const keys = ["__proto__", "constructor", "plugin.x-y_z", "toString", "x:mail", "x:reports-off", "k".repeat(64)].sort();
    for (const key of keys) await options.setOption({ userId, key, value: value({ [key]: key }) });
    for (const key of keys) expect(JSON.stringify(json((await options.getOption({ userId, key })).value))).toBe(`{"${key}":"${key}"}`);
    expect((await options.listOptions({ userId })).options.map(({ key }) => key)).toEqual(keys);
    const { results } = await options.batchGetOptions({ userIds: [userId], keys });
    expect(results[0]?.options.map(({ key }) => key)).toEqual(keys);
    for (const key of keys) await options.deleteOption({ userId, key });
    expect((await options.listOptions({ userId })).options).toEqual([]);
  });

  test("O19 values that are too large, too deep or no JSON are refused with the reason", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const nested = (levels: number) => value(JSON.parse(`${"[".repeat(levels - 1)}1${"]".repeat(levels - 1)}`));
    const set = (stored: ReturnType<typeof value>) => options.setOption({ userId, key: "k", value: stored });
    await set(value("x".repeat(64 * 1024 - 2)));
    await expectRefusal(set(value("x".repeat(64 * 1024 - 1))), "InvalidArgument", "OPTION_VALUE_TOO_LARGE");
    await set(nested(24));
    await expectRefusal(set(nested(25)), "InvalidArgument", "OPTION_VALUE_TOO_DEEP");
    await expectRefusal(set(value("a\0b")), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(set(value({ "a\0b": 1 })), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(options.setOption({ userId, key: "k" }), "InvalidArgument", "FIELD_INVALID");
    expect(json((await options.getOption({ userId, key: "k" })).value)).toEqual(json(nested(24)));
  });

  test("O20 what is written is read at once, by every read", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    for (let round = 0; round < 5; round += 1) {
      const { consistencyToken } = await options.setOption({ userId, key: "k", value: value(round), projectId: 9n });
      const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
      expect(json((await options.getOption({ userId, key: "k", projectId: 9n })).value)).toBe(round);
      expect(json((await options.getOption({ userId, key: "k", projectId: 9n, consistency })).value)).toBe(round);
      expect(json((await options.listOptions({ userId, allScopes: true })).options[0]?.value)).toBe(round);
      const { results } = await options.batchGetOptions({ userIds: [userId], projectIds: [9n] });
      expect(json(results[0]?.options[0]?.value)).toBe(round);
    }
  });

  test("options are listed by scope, id and key", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const order = [
      ["B", {}],
      ["a", {}],
      ["a", { organizationId: 2n }],
      ["a", { organizationId: 10n }],
      ["a", { projectId: 1n }],
    ] as const;
    for (const [key, scope] of order.toReversed()) await options.setOption({ userId, key, value: value(1), ...scope });
    const { options: listed } = await options.listOptions({ userId, allScopes: true });
    expect(listed.map(({ key, projectId, organizationId }) => [key, projectId, organizationId])).toEqual(
      order.map(([key, scope]) => [
        key,
        "projectId" in scope ? scope.projectId : 0n,
        "organizationId" in scope ? scope.organizationId : 0n,
      ]),
    );
  });

  test("a token is refused when nobody here has issued it", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const { consistencyToken: token } = await options.setOption({ userId, key: "k", value: value(1) });
    const read = (text: string) => options.getOption({ userId, key: "k", consistency: { mode: { case: "atLeastAsFresh", value: text } } });
    await read(token);
    const flipped = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
    for (const text of [flipped, "x", `${token}=`, Buffer.from("[]").toString("base64url")]) {
      await expectRefusal(read(text), "InvalidArgument", "TOKEN_INVALID");
    }
  });

  test("an unknown project id is as good as a known one", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const projectId = uniqueId();
    await options.setOption({ userId, key: "k", value: value(1), projectId });
    expect(await options.getOption({ userId, key: "k", projectId })).toMatchObject({ found: true });
  });
};
