import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Resource } from "../../src/gen/userd/v1/resource_pb.ts";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { type CaseField, casesOf, combined } from "../support/filter-cases.ts";
import { plansOf } from "../support/plans.ts";
import { test as base, clientKinds } from "../support/service.ts";

type World = { readonly kind: string; readonly staff: bigint; readonly superuser: bigint; readonly rows: readonly Resource[] };

/** Resources of two profiles of one account, whose staff sees both. */
const test = base.extend("world", { scope: "file" }, async ({ clients }): Promise<World> => {
  const client = clients["grpc-js"];
  const { id: accountId } = await createAccount(client);
  const [staff, regular] = [await createUser(client, { isStaff: true }), await createUser(client)];
  const owners = [await createProfile(client, staff.id, accountId), await createProfile(client, regular.id, accountId)];
  const kind = unique("kind");
  const names = ["web", "Web%", "w_b", "ünder", `x'"\\`];
  const resources = names.flatMap((name) => owners.map(({ id: ownerProfileId }) => ({ kind, name, ownerProfileId })));
  const { results } = await client.profiles.registerResources({ resources });
  const { id: superuser } = await createUser(client, { isSuperuser: true });
  return { kind, staff: staff.id, superuser, rows: results.map(({ result }) => result.value as Resource) };
});

const walk = async ({ profiles }: Clients, { kind }: World, userId: bigint, filter: string): Promise<bigint[]> => {
  const ids: bigint[] = [];
  let pageToken = "";
  do {
    const page = await profiles.listResources({ kind, userId, filter, pageSize: 3, pageToken });
    ids.push(...page.resources.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return ids;
};

const field = (name: string, type: CaseField<Resource>["type"], of: (row: Resource) => unknown): CaseField<Resource> => ({
  name,
  type,
  isNullable: false,
  of,
});

test("terms in groups list what a naive filter does, page by page", { timeout: 120_000 }, async ({ clients, world }) => {
  const cases = [
    field("id", "number", ({ id }) => id),
    field("owner_profile_id", "number", ({ ownerProfileId }) => ownerProfileId),
    field("account_id", "number", ({ accountId }) => accountId),
    field("name", "text", ({ name }) => name),
    field("create_time", "time", ({ createTime }) => createTime),
  ].flatMap((one) => casesOf(one, world.rows));
  const isListed = async (userId: bigint, { text, isMet }: (typeof cases)[number]): Promise<void> => {
    expect([text, await walk(clients["grpc-js"], world, userId, text)]).toEqual([text, world.rows.filter(isMet).map(({ id }) => id)]);
  };
  for (const one of cases) await isListed(world.staff, one);
  const account = `account_id == ${world.rows[0]?.accountId}`;
  await fc.assert(
    fc.asyncProperty(combined(cases), fc.boolean(), ({ text, isMet }, isSuperuser) =>
      isListed(isSuperuser ? world.superuser : world.staff, { text: `${account} && ${text}`, isMet }),
    ),
    { numRuns: 100 },
  );
});

describe.for(clientKinds)("a filter of resources, through %s", { concurrent: true }, (client) => {
  test("that can't be read, or that no index serves, is refused", async ({ clients, world }) => {
    const { kind, staff, superuser } = world;
    const { profiles } = clients[client];
    const list = (userId: bigint, filter: string, pageToken = "") =>
      profiles.listResources({ kind, userId, filter, pageToken, pageSize: 1 });
    const unread = await expectRefusal(list(staff, "name ==\n nothing"), "InvalidArgument", "FIELD_INVALID");
    expect(unread.fields).toEqual(["filter"]);
    expect(unread.error.rawMessage).toContain("filter at line 2, column 2: there may be a text");
    const unknown = await expectRefusal(list(staff, 'kind == "a"'), "InvalidArgument", "FIELD_INVALID");
    expect(unknown.error.rawMessage).toContain("filters can name id, owner_profile_id, account_id, name, create_time");
    for (const filter of ["x".repeat(4_097), "a\0"]) await expectRefusal(list(staff, filter), "InvalidArgument", "FIELD_INVALID");
    for (const filter of ['name.contains("eb")', '!name.contains("eb")', '!(!name.contains("eb") && true)']) {
      const unserved = await expectRefusal(list(superuser, filter), "FailedPrecondition", "QUERY_NOT_INDEXED");
      expect(unserved.error.rawMessage).toContain("no index serves it: a part of a name needs id, owner_profile_id or account_id");
    }
    const { nextPageToken } = await list(staff, 'name.contains("eb")');
    await expectRefusal(list(staff, 'name.contains("e")', nextPageToken), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });
});

test("a filter of resources is met within ranges of indexes", async ({ clients, databaseUrl, db, world }) => {
  const { kind, staff, superuser, rows } = world;
  const [{ ownerProfileId, accountId } = { ownerProfileId: 0n, accountId: 0n }] = rows;
  const made = Array.from({ length: 20_000 }, (_, index) => ({
    kind: index % 20 === 0 ? kind : `${kind}-${index % 20}`,
    name: `made-${index}`,
    owner_profile_id: ownerProfileId,
    account_id: accountId,
  }));
  await db.sql.transaction().execute(async (tx) => {
    for (let at = 0; at < made.length; at += 5_000)
      await tx
        .insertInto("resource")
        .values(made.slice(at, at + 5_000))
        .execute();
  });
  await sql`analyze resource`.execute(db.sql);
  for (const [userId, filter, index] of [
    [superuser, "id == 7", "resource_pkey"],
    [superuser, 'name == "nothing"', "resource_"],
    [staff, 'name.contains("nothing")', "resource_"],
  ] as const) {
    const plans = await plansOf(databaseUrl, () => clients["grpc-js"].profiles.listResources({ kind, userId, filter }));
    expect(plans.at(-1), filter).toContain(index);
    expect(plans.at(-1), filter).not.toContain("Seq Scan");
  }
});
