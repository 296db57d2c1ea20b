import { sql } from "kysely";
import { describe, expect } from "vitest";
import { createUser, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base } from "../support/service.ts";
import { json } from "./json.ts";
import { statementsOf } from "./statements.ts";

/** A user with 60 options of 60 kB, as an import may leave it, and one that is small. */
const test = base.extend("userId", { scope: "file" }, async ({ clients, db }): Promise<bigint> => {
  const { id } = await createUser(clients["grpc-js"]);
  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value)
    select ${id}::bigint, 0, 0, 'k' || lpad(n::text, 4, '0'), to_jsonb(repeat(md5(n::text), 1875)) from generate_series(1, 60) n
    union all select ${id}::bigint, 0, 0, 'small', '1'::jsonb`.execute(db.sql);
  return id;
});

const walk = async ({ options }: Clients, request: Parameters<Clients["options"]["listOptions"]>[0]): Promise<string[][]> => {
  const pages: string[][] = [];
  let pageToken = "";
  do {
    const page = await options.listOptions({ ...request, pageToken });
    pages.push(page.options.map(({ key }) => key));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return pages;
};

describe("a user whose options take 3.6 MB", () => {
  test("one option is read, cached, and read anew when it changes; no statement reads the others", async ({ clients, userId }) => {
    const { options } = clients["grpc-js"];
    expect(json((await options.getOption({ userId, key: "small" })).value)).toBe(1);
    expect(await statementsOf(() => options.getOption({ userId, key: "small" }))).toHaveLength(0);
    expect(await statementsOf(() => options.batchGetOptions({ userIds: [userId], keys: ["small"] }))).toHaveLength(0);
    await options.resolveOptions({ userIds: [userId], keys: ["small"] });
    expect(await statementsOf(() => options.resolveOptions({ userIds: [userId], keys: ["small"] }))).toHaveLength(0);
    const more = options.setOption({ userId, key: "more", value: value(1) });
    const { info } = await expectRefusal(more, "ResourceExhausted", "QUOTA_EXCEEDED");
    expect(info?.metadata).toEqual({ quota: "QUOTA_OPTION_BYTES_PER_USER", limit: "1048576", used: String(60 * 60_002 + 1) });
    await options.deleteOption({ userId, key: "small" });
    expect((await options.getOption({ userId, key: "small" })).found).toBe(false);
    expect((await options.getOption({ userId, key: "k0001" })).found).toBe(true);
  });

  test("batches name keys; everything is refused before it is read, and ListOptions has pages that fit", async ({ clients, userId }) => {
    const { options } = clients["grpc-js"];
    const { id: other } = await createUser(clients["grpc-js"]);
    await options.setOption({ userId: other, key: "k0002", value: value("mine") });
    const keys = ["k0003", "k0002", "absent"];
    const { results } = await options.batchGetOptions({ userIds: [userId, other, userId], keys });
    expect(results.map((result) => result.options.map(({ key }) => key))).toEqual([["k0002", "k0003"], ["k0002"], ["k0002", "k0003"]]);
    const resolved = await options.resolveOptions({ userIds: [other, userId], keys });
    expect(resolved.results.map((result) => result.options.map(({ found }) => found))).toEqual([
      [false, true, false],
      [true, true, false],
    ]);
    for (const read of [options.batchGetOptions, options.resolveOptions]) {
      const { error } = await expectRefusal(read({ userIds: [userId] }), "ResourceExhausted", "RESPONSE_TOO_LARGE");
      expect(error.rawMessage).toContain("walk the pages of ListOptions");
    }
    const all = Array.from({ length: 60 }, (_, n) => `k${String(n + 1).padStart(4, "0")}`);
    for (const request of [{ userId }, { userId, allScopes: true, pageSize: 100 }]) {
      const pages = await walk(clients["grpc-js"], request);
      expect(pages.flat()).toEqual(expect.arrayContaining(all));
      expect(Math.max(...pages.map((page) => page.length))).toBeLessThanOrEqual(48);
    }
  });
});

describe("pages of ListOptions", () => {
  test("a user with as much as the quota comes in one page, from the cache, as before there were pages", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const entries = Array.from({ length: 1_000 }, (_, n) => ({ userId, key: `k${n}`, value: value(n) }));
    await options.batchSetOptions({ entries });
    const { options: listed, nextPageToken } = await options.listOptions({ userId });
    expect([listed.length, nextPageToken]).toEqual([1_000, ""]);
    expect(await statementsOf(() => options.listOptions({ userId }))).toHaveLength(0);
  });

  test("pages are walked in order, from the cache and over all scopes; a token fits its query only", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const { id: other } = await createUser(clients["grpc-js"]);
    for (const projectId of [0n, 3n])
      for (const key of ["b", "a", "c"]) await options.setOption({ userId, key, value: value(1), projectId });
    expect(await walk(clients["grpc-js"], { userId, pageSize: 2 })).toEqual([["a", "b"], ["c"]]);
    expect(await walk(clients["grpc-js"], { userId, projectId: 3n, pageSize: 1 })).toEqual([["a"], ["b"], ["c"]]);
    expect(await walk(clients["grpc-js"], { userId, allScopes: true, pageSize: 4 })).toEqual([
      ["a", "b", "c", "a"],
      ["b", "c"],
    ]);
    const { nextPageToken: pageToken } = await options.listOptions({ userId, pageSize: 2 });
    expect(await statementsOf(() => options.listOptions({ userId, pageSize: 2, pageToken }))).toHaveLength(0);
    for (const query of [{ userId: other }, { userId, projectId: 3n }, { userId, allScopes: true }]) {
      await expectRefusal(options.listOptions({ ...query, pageToken }), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
    }
    await expectRefusal(options.listOptions({ userId, pageSize: -1 }), "InvalidArgument", "FIELD_INVALID");
  });
});
