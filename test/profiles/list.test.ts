import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base, clientKinds } from "../support/service.ts";
import { type Candidate, type Condition, type Filter, passes } from "./naive-filter.ts";

const term = (condition: Condition): Filter => ({ node: { case: "term", value: { condition } } });
const node = (kind: "allOf" | "anyOf" | "noneOf", ...filters: Filter[]): Filter => ({ node: { case: kind, value: { filters } } as never });
const names = (...parts: string[]) => parts.map((equals) => term({ case: "name", value: { match: { case: "equals", value: equals } } }));

type Order = "id" | "name" | "create_time";
type Listed = NonNullable<Parameters<Clients["profiles"]["listProfiles"]>[0]>;

/** All pages of a list. */
const all = async ({ profiles }: Clients, request: Listed): Promise<bigint[]> => {
  const ids: bigint[] = [];
  let pageToken = "";
  do {
    const page = await profiles.listProfiles({ ...request, pageToken });
    ids.push(...page.profiles.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return ids;
};

const words = ["", "a", "A", "ab", "Ärger", "ärger", "%", "_", "a\\b", "x'y", "b"] as const;

/** Profiles of every kind: what they consist of is drawn from few words, so that filters find some. */
const test = base.extend("candidates", { scope: "file" }, async ({ clients }): Promise<Candidate[]> => {
  const client = clients["grpc-js"];
  const random = fc.sample(fc.array(fc.nat(10), { minLength: 8, maxLength: 8 }), { numRuns: 24, seed: 7 });
  const pick = (index = 0) => words[index % words.length] ?? "";
  const accounts = [];
  for (const [index, drawn] of random.slice(0, 3).entries()) {
    accounts.push(await createAccount(client, { name: pick(drawn[0]), tags: [pick(drawn[1]) || "t"], isDefault: index === 0 }));
  }
  const users = [];
  for (const drawn of random.slice(3, 11)) {
    const [a = 0, b = 0, c = 0, d = 0] = drawn;
    const made = await createUser(client, {
      username: `${unique()}${pick(a)}`,
      email: b % 3 === 0 ? "" : `${unique("Ab")}@example.com`,
      isStaff: c % 2 === 0,
      isSuperuser: d % 4 === 0,
    });
    if (a % 3 === 0) await client.users.deactivateUser({ id: made.id });
    users.push({ ...made, isActive: a % 3 !== 0 });
  }
  const candidates: Candidate[] = [];
  for (const [index, drawn] of random.slice(0, 20).entries()) {
    const [user, account] = [users[index % users.length], accounts[Math.floor(index / users.length)]];
    if (!user || !account) continue;
    const [a = 0, b = 0, c = 0, d = 0] = drawn;
    const made = await createProfile(client, user.id, account.id, {
      name: pick(a),
      description: `${pick(b)} ${pick(c)}`,
      version: ["1.0.0", "1.2.0", "2.0.0-a"][d % 3] ?? "",
      tags: [pick(c), pick(d)].filter((tag) => tag !== ""),
      isTest: a % 2 === 0,
    });
    candidates.push({
      id: made.id,
      userId: user.id,
      accountId: account.id,
      name: made.name ?? "",
      description: made.description ?? "",
      version: made.version ?? "",
      tags: made.tags,
      isTest: made.isTest ?? false,
      user: {
        username: user.username ?? "",
        email: user.email ?? "",
        isActive: user.isActive,
        isStaff: user.isStaff ?? false,
        isSuperuser: user.isSuperuser ?? false,
      },
      account: { number: account.number, name: account.name ?? "", tags: account.tags, isDefault: account.isDefault ?? false },
    });
  }
  return candidates;
});

const filterArbitrary = (candidates: readonly Candidate[]) => {
  const text = fc.oneof(
    fc.constantFrom(...words),
    fc.constantFrom(
      ...candidates.flatMap(({ name, version, user, account }) => [name, version, user.username, user.email, account.number]),
    ),
  );
  const match = fc.tuple(fc.constantFrom("equals" as const, "startsWith" as const, "contains" as const), text).map(([how, value]) => ({
    match: { case: how, value },
  }));
  const ids = (values: readonly bigint[]) =>
    fc.array(fc.constantFrom(...values, 9_000_000_000_000n), { maxLength: 4 }).map((drawn) => ({ ids: drawn }));
  const of = <C extends string, V>(name: C, value: fc.Arbitrary<V>) => value.map((drawn) => ({ case: name, value: drawn }));
  const tag = fc.constantFrom(...words.filter((word) => word !== ""));
  const condition = fc.oneof(
    of("id", ids(candidates.map(({ id }) => id))),
    of("userId", ids(candidates.map(({ userId }) => userId))),
    of("accountId", ids(candidates.map(({ accountId }) => accountId))),
    ...(["name", "description", "version", "username", "userEmail", "accountNumber", "accountName"] as const).map((name) =>
      of(name, match),
    ),
    ...(["isTest", "userIsActive", "userIsStaff", "userIsSuperuser", "accountIsDefault"] as const).map((name) => of(name, fc.boolean())),
    of("tag", tag),
    of("accountTag", tag),
  ) as fc.Arbitrary<Condition>;
  const level = (inner: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> =>
    fc.oneof(
      { arbitrary: condition.map(term), weight: 2 },
      {
        arbitrary: fc
          .tuple(fc.constantFrom("allOf" as const, "anyOf" as const, "noneOf" as const), fc.array(inner, { maxLength: 3 }))
          .map(([kind, filters]) => node(kind, ...filters)),
        weight: 3,
      },
    );
  // With the root of the test's own five levels.
  return level(level(level(condition.map(term))));
};

const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

test("any filter, order and page size lists what the model does, each profile once", { timeout: 120_000 }, async ({
  clients,
  candidates,
}) => {
  const ids = candidates.map(({ id }) => id);
  const own = term({ case: "id", value: { ids } });
  await fc.assert(
    fc.asyncProperty(
      filterArbitrary(candidates),
      fc.constantFrom<Order>("id", "name", "create_time"),
      fc.boolean(),
      fc.integer({ min: 1, max: 30 }),
      async (filter, order, descending, pageSize) => {
        const byId = (a: Candidate, b: Candidate): number => (a.id < b.id ? -1 : Number(a.id > b.id));
        const sorted = candidates
          .filter((one) => passes(one, filter))
          // They were created in the order of their ids.
          .sort(order === "name" ? (a, b) => byCodePoint(a.name, b.name) || byId(a, b) : byId);
        if (descending) sorted.reverse();
        const request = { filter: node("allOf", own, filter), orderBy: `${order}${descending ? " desc" : ""}`, pageSize };
        expect(await all(clients["grpc-js"], request)).toEqual(sorted.map(({ id }) => id));
      },
    ),
    { numRuns: 300 },
  );
});

describe.for(clientKinds)("lists of profiles, through %s", { concurrent: true }, (kind) => {
  test("filter, exclude, union, intersection, difference and none are one filter each", async ({ clients }) => {
    const { id: accountId } = await createAccount(clients[kind]);
    const made: Record<string, bigint> = {};
    for (const name of ["a", "b", "c"]) {
      made[name] = (await createProfile(clients[kind], (await createUser(clients[kind])).id, accountId, { name })).id;
    }
    const [a = 0n, b = 0n, c = 0n] = [made["a"], made["b"], made["c"]];
    const here = term({ case: "accountId", value: { ids: [accountId] } });
    const list = (...filters: Filter[]) => all(clients[kind], { filter: node("allOf", here, ...filters) });
    const [ab, bc] = [node("anyOf", ...names("a", "b")), node("anyOf", ...names("b", "c"))];
    expect(await list()).toEqual([a, b, c]);
    expect(await list(ab)).toEqual([a, b]);
    expect(await list(node("noneOf", ab))).toEqual([c]);
    expect(await list(node("anyOf", ab, bc))).toEqual([a, b, c]);
    expect(await list(ab, bc)).toEqual([b]);
    expect(await list(ab, node("noneOf", bc))).toEqual([a]);
    expect(await list(node("anyOf"))).toEqual([]);
    expect(await list(term({ case: "id", value: {} }))).toEqual([]);
    expect(await list(node("noneOf"))).toEqual([a, b, c]);
    const now = Math.floor(Date.now() / 1_000);
    const created = (from: number, to: number) =>
      term({ case: "createTime", value: { startTime: { seconds: BigInt(from) }, endTime: { seconds: BigInt(to) } } });
    expect(await list(created(now - 600, now + 600))).toEqual([a, b, c]);
    expect(await list(created(now + 600, now + 700))).toEqual([]);
    // JSON has no such moment: the client refuses it.
    if (kind !== "Connect JSON") await expectRefusal(list(created(10 ** 12, 10 ** 12)), "InvalidArgument", "FIELD_INVALID");
  });

  test("a filter that is too deep, too large or empty is refused", async ({ clients }) => {
    const { profiles } = clients[kind];
    const deep = (levels: number): Filter => (levels === 1 ? (names("a")[0] as Filter) : node("allOf", deep(levels - 1)));
    const wide = (terms: number): Filter =>
      node("anyOf", node("anyOf", ...names(...Array.from({ length: terms - 1 }, () => "a"))), ...names("b"));
    await profiles.listProfiles({ filter: deep(5) });
    await profiles.listProfiles({ filter: wide(50) });
    for (const filter of [deep(6), wide(51), {}, node("allOf", {}), term({ case: undefined }), term({ case: "name", value: {} })]) {
      await expectRefusal(profiles.listProfiles({ filter }), "InvalidArgument", "FIELD_INVALID");
    }
    await expectRefusal(profiles.listProfiles({ orderBy: "semver" }), "InvalidArgument", "FIELD_INVALID");
  });

  test("permission applies to the whole, and expansions to the page", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const admin = await createUser(clients[kind], { isStaff: true, name: "Ann" });
    const [mine, theirs] = [
      await createProfile(clients[kind], admin.id, accountId, { name: "mine" }),
      await createProfile(clients[kind], (await createUser(clients[kind])).id, accountId, { name: "theirs" }),
    ];
    const asked = node("anyOf", ...names("mine", "theirs"));
    const filter = node("allOf", term({ case: "accountId", value: { ids: [accountId] } }), asked);
    expect(await all(clients[kind], { filter, asUserId: admin.id, relation: AccessRelation.OWN })).toEqual([mine.id, theirs.id]);
    expect(await all(clients[kind], { filter, asUserId: theirs.userId })).toEqual([mine.id, theirs.id]);
    expect(await all(clients[kind], { filter, asUserId: theirs.userId, relation: AccessRelation.OWN })).toEqual([theirs.id]);
    expect(await all(clients[kind], { filter: node("allOf", filter, node("noneOf", ...names("mine"))), asUserId: theirs.userId })).toEqual([
      theirs.id,
    ]);
    expect(await all(clients[kind], { filter, asUserId: 0n })).toEqual([]);
    const [plain, full] = [
      await profiles.listProfiles({ filter }),
      await profiles.listProfiles({ filter, withUser: true, withAccount: true }),
    ];
    expect(plain.profiles[0]?.user).toBeUndefined();
    expect(full.profiles).toMatchObject([
      { id: mine.id, user: { id: admin.id, name: "Ann", emails: [] }, account: { id: accountId } },
      { id: theirs.id, user: { id: theirs.userId }, account: { id: accountId } },
    ]);
    const { nextPageToken: pageToken } = await profiles.listProfiles({ filter, pageSize: 1 });
    for (const other of [{ filter: asked }, { filter, asUserId: admin.id }, { filter, orderBy: "name" }]) {
      await expectRefusal(profiles.listProfiles({ ...other, pageToken }), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
    }
  });
});

test("profiles are listed by the times of their creation, equal ones by id", async ({ clients, db }) => {
  const client = clients["grpc-js"];
  const { id: accountId } = await createAccount(client);
  const made: bigint[] = [];
  for (let n = 0; n < 4; n++) made.push((await createProfile(client, (await createUser(client)).id, accountId)).id);
  const [a = 0n, b = 0n, c = 0n, d = 0n] = made;
  // As if they had been imported.
  for (const [id, time] of [
    [a, "2022"],
    [b, "2020"],
    [c, "2021"],
    [d, "2020"],
  ] as const)
    await sql`update user_profile set create_time = ${`${time}-05-01T00:00:00Z`} where id = ${id}`.execute(db.sql);
  const filter = term({ case: "accountId", value: { ids: [accountId] } });
  for (const pageSize of [1, 3, 50]) {
    expect(await all(client, { filter, orderBy: "create_time", pageSize })).toEqual([b, d, c, a]);
    expect(await all(client, { filter, orderBy: "create_time desc", pageSize })).toEqual([a, c, d, b]);
  }
});
