import { sql } from "kysely";
import { describe, expect } from "vitest";
import { createUser, uniqueId, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base } from "../support/service.ts";
import { registryFile, type ServiceWith, serviceWith } from "./service-with.ts";

const definitions = `
plan: { description: What the user pays for., type: any, scopes: [user, organization, project], indexed: true }
"__proto__": { description: A key like any other., type: any, indexed: true }
free: { description: Not indexed., type: any }
`;

const test = base.extend("own", { scope: "file" }, async ({ databaseUrl, service: _ }, { onCleanup }): Promise<ServiceWith> => {
  const file = await registryFile(definitions);
  const own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path });
  onCleanup(async () => {
    await own[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  });
  return own;
});

type Json = Parameters<typeof value>[0];

/** All pages. */
const findAll = async ({ options }: ServiceWith, request: { key: string; equals: Json; projectId?: bigint; pageSize?: number }) => {
  const { equals, ...rest } = request;
  const found: bigint[] = [];
  let pageToken = "";
  do {
    const page = await options.findUsersByOption({ ...rest, equals: value(equals), pageToken });
    found.push(...page.userIds);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
};

const setAll = async ({ options }: ServiceWith, userIds: readonly bigint[], key: string, stored: Json, scope = {}) => {
  await options.batchSetOptions({ entries: userIds.map((userId) => ({ userId, key, value: value(stored), ...scope })) });
};

describe("FindUsersByOption", () => {
  test("finds by equal JSON, in one scope, ascending, page by page", async ({ own }) => {
    const users = await Promise.all(Array.from({ length: 25 }, () => createUser(own)));
    const ids = users.map(({ id }) => id).sort((a, b) => Number(a - b));
    const projectId = uniqueId();
    await setAll(own, ids.slice(0, 20), "plan", { name: "gold", seats: 3 });
    await setAll(own, ids.slice(20), "plan", { name: "gold", seats: 4 });
    await setAll(own, ids.slice(18), "plan", { name: "gold", seats: 3 }, { projectId });
    expect(await findAll(own, { key: "plan", equals: { seats: 3.0, name: "gold" }, pageSize: 7 })).toEqual(ids.slice(0, 20));
    expect(await findAll(own, { key: "plan", equals: { name: "gold", seats: 3 }, projectId, pageSize: 3 })).toEqual(ids.slice(18));
    expect(await findAll(own, { key: "plan", equals: { name: "gold" } })).toEqual([]);
    expect(await findAll(own, { key: "plan", equals: { name: "gold", seats: 3 }, projectId: uniqueId() })).toEqual([]);
  });

  test('null, true, 1 and "1" are four values', async ({ own }) => {
    const users = await Promise.all(Array.from({ length: 4 }, () => createUser(own)));
    const values = [null, true, 1, "1"];
    for (const [index, stored] of values.entries()) await setAll(own, [users[index]?.id ?? 0n], "__proto__", stored);
    for (const [index, stored] of values.entries()) {
      expect(await findAll(own, { key: "__proto__", equals: stored })).toEqual([users[index]?.id]);
    }
  });

  test("what has expired or is deleted is not found", async ({ own, db }) => {
    const users = await Promise.all(Array.from({ length: 3 }, () => createUser(own)));
    const ids = users.map(({ id }) => id).sort((a, b) => Number(a - b));
    await setAll(own, ids, "plan", "ending");
    await sql`update user_option set expire_time = now() where user_id = ${ids[1]}`.execute(db.sql);
    await own.options.deleteOption({ userId: ids[2] ?? 0n, key: "plan" });
    expect(await findAll(own, { key: "plan", equals: "ending" })).toEqual(ids.slice(0, 1));
  });

  test("a key that is not indexed is refused, and so is a value that can't be stored", async ({ own, clients }) => {
    for (const key of ["free", "unknown"]) {
      const { info } = await expectRefusal(
        own.options.findUsersByOption({ key, equals: value(1) }),
        "FailedPrecondition",
        "QUERY_NOT_INDEXED",
      );
      expect(info?.metadata).toEqual({ key });
    }
    // The built-in registry indexes nothing.
    const { options } = clients["grpc-js"];
    await expectRefusal(options.findUsersByOption({ key: "plan", equals: value(1) }), "FailedPrecondition", "QUERY_NOT_INDEXED");
    const { fields } = await expectRefusal(
      own.options.findUsersByOption({ key: "plan", equals: value("\0") }),
      "InvalidArgument",
      "FIELD_INVALID",
    );
    expect(fields).toEqual(["equals"]);
    await expectRefusal(own.options.findUsersByOption({ key: "plan" }), "InvalidArgument", "FIELD_INVALID");
    const both = own.options.findUsersByOption({ key: "plan", equals: value(1), projectId: 1n, organizationId: 1n });
    await expectRefusal(both, "InvalidArgument", "OPTION_SCOPE_CONFLICT");
  });

  test("a page token is of one query", async ({ own }) => {
    const users = await Promise.all(Array.from({ length: 3 }, () => createUser(own)));
    await setAll(
      own,
      users.map(({ id }) => id),
      "plan",
      "paged",
    );
    const query = { key: "plan", equals: value("paged"), pageSize: 2 };
    const { nextPageToken: pageToken } = await own.options.findUsersByOption(query);
    expect(pageToken).not.toBe("");
    const others = [
      { ...query, equals: value("other"), pageToken },
      { ...query, projectId: 1n, pageToken },
      { ...query, pageToken: `${pageToken.slice(0, -2)}AA` },
      { ...query, pageToken: "x" },
    ];
    for (const other of others) await expectRefusal(own.options.findUsersByOption(other), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
    expect((await own.options.findUsersByOption({ ...query, pageSize: 1, pageToken })).userIds).toHaveLength(1);
    await expectRefusal(own.options.findUsersByOption({ ...query, pageSize: -1 }), "InvalidArgument", "FIELD_INVALID");
  });

  test("the walk is along the index of the key, and keys that are not indexed have none", async ({ own, db }) => {
    await createUser(own);
    const { rows: indexes } = await sql<{ definition: string }>`
      select indexdef as definition from pg_indexes where tablename = 'user_option' and indexname like 'user_option_find_%' order by 1`.execute(
      db.sql,
    );
    expect(indexes.map(({ definition }) => /WHERE .*/.exec(definition)?.[0]).sort()).toEqual([
      "WHERE ((key)::text = '__proto__'::text)",
      "WHERE ((key)::text = 'plan'::text)",
    ]);
    const plan = await db.sql.transaction().execute(async (tx) => {
      await sql`set local enable_seqscan = off`.execute(tx);
      const { rows } = await sql<{ "QUERY PLAN": string }>`
        explain select o.user_id from user_option o
        where o.key = 'plan' and o.scope_kind = 0 and o.scope_id = 0
          and jsonb_hash_extended(o.value, 0) = jsonb_hash_extended('1'::jsonb, 0) and o.value = '1'::jsonb and o.user_id > 5
        order by o.user_id limit 51`.execute(tx);
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    });
    expect(plan).toMatch(/Index Scan using user_option_find_/);
    expect(plan).not.toMatch(/Sort/);
  });
});

test("an index follows the registry: made on reload, dropped when no longer wanted, rebuilt when half-built", async ({
  databaseUrl,
  service: _,
  db,
}) => {
  const names = async () =>
    (
      await sql<{ name: string; valid: boolean }>`
        select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
        where i.indrelid = 'user_option'::regclass and c.relname like 'user_option_find_%'`.execute(db.sql)
    ).rows;
  await using file = await registryFile("a: { description: A., type: any, indexed: true }");
  await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path });
  const [first] = await names();
  expect(await names()).toMatchObject([{ valid: true }]);
  await file.write("b: { description: B., type: any, indexed: true }\na: { description: A., type: any, indexed: true }");
  await own.app.reload();
  expect(await names()).toHaveLength(2);
  await sql`update pg_index set indisvalid = false where indexrelid = ${first?.name}::regclass`.execute(db.sql);
  await own.app.reload();
  expect((await names()).map(({ valid }) => valid)).toEqual([true, true]);
  await file.write("b: { description: B., type: any }");
  await own.app.reload();
  expect(await names()).toEqual([]);
});

test("instances that start together take turns at the indexes", async ({ databaseUrl, service: _ }) => {
  await using file = await registryFile(
    Array.from({ length: 4 }, (_, index) => `k${index}: { description: K., type: any, indexed: true }`).join("\n"),
  );
  const services = await Promise.all([1, 2, 3].map(() => serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path })));
  for (const service of services) await service[Symbol.asyncDispose]();
});
