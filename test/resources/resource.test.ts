import { randomUUID } from "node:crypto";
import { describe, expect } from "vitest";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { AuditOperation } from "../../src/gen/userd/v1/audit_entry_pb.ts";
import type { Resource } from "../../src/gen/userd/v1/resource_pb.ts";
import { DeleteProfileMode } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { statementsOf } from "../options/statements.ts";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN = 9_000_000_000_000n;
const { RESTRICT, TRANSFER, CASCADE } = DeleteProfileMode;
/** The codes of google.rpc.Status. */
const [NOT_FOUND, ALREADY_EXISTS] = [5, 6];

const member = async (clients: Clients, accountId: bigint, flags: Parameters<typeof createUser>[1] = {}) => {
  const { id: userId } = await createUser(clients, flags);
  return { userId, id: (await createProfile(clients, userId, accountId)).id };
};

const byId = (id: bigint) => ({ ref: { case: "id" as const, value: id } });
const byKey = (kind: string, ownerProfileId: bigint, name: string) => ({
  ref: { case: "key" as const, value: { kind, ownerProfileId, name } },
});

type Outcome = { readonly result: { readonly case?: string | undefined; readonly value?: unknown } };

const shown = (results: readonly Outcome[]) =>
  results.map(({ result }) => (result.case === "resource" ? (result.value as Resource).id : (result.value as { code: number }).code));

const register = async ({ profiles }: Clients, ownerProfileId: bigint, kind: string, ...names: string[]): Promise<bigint[]> =>
  shown((await profiles.registerResources({ resources: names.map((name) => ({ kind, ownerProfileId, name })) })).results) as bigint[];

/** All pages of a list. */
const all = async (
  { profiles }: Clients,
  request: NonNullable<Parameters<Clients["profiles"]["listResources"]>[0]>,
): Promise<Resource[]> => {
  const listed: Resource[] = [];
  let pageToken = "";
  do {
    const page = await profiles.listResources({ ...request, pageToken });
    listed.push(...page.resources);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return listed;
};

describe.for(clientKinds)("resources, through %s", { concurrent: true }, (kind) => {
  test("P15 a resource is unique by kind, owner and name; one that is there stays as it is", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const [mine, theirs] = [await member(clients[kind], accountId), await member(clients[kind], accountId)];
    const resources = [
      { kind: "plugin", ownerProfileId: mine.id, name: "a" },
      { kind: "plugin", ownerProfileId: theirs.id, name: "a" },
      { kind: "secret", ownerProfileId: mine.id, name: "a" },
      { kind: "plugin", ownerProfileId: UNKNOWN, name: "a" },
    ];
    const first = await profiles.registerResources({ resources });
    expect(first.results.map(({ created }) => created)).toEqual([true, true, true, false]);
    expect(shown(first.results)[3]).toBe(NOT_FOUND);
    expect(first.results[0]?.result.value).toMatchObject({ ...resources[0], accountId });
    const again = await profiles.registerResources({ resources: resources.toReversed() });
    expect(shown(again.results)).toEqual(shown(first.results).toReversed());
    expect(again.results.map(({ created }) => created)).toEqual([false, false, false, false]);
    const twice = profiles.registerResources({ resources: [...resources, resources[0] ?? {}] });
    expect((await expectRefusal(twice, "InvalidArgument", "DUPLICATE_ENTRY")).fields).toEqual(["resources[4]"]);
    for (const bad of [{ kind: "a b" }, { kind: "" }, { name: "" }, { ownerProfileId: 0n }, { name: "a\0" }]) {
      await expectRefusal(profiles.registerResources({ resources: [{ ...resources[0], ...bad }] }), "InvalidArgument", "FIELD_INVALID");
    }
    await expectRefusal(profiles.registerResources({}), "InvalidArgument", "FIELD_INVALID");
    const requestId = randomUUID();
    const fresh = { resources: [{ kind: "plugin", ownerProfileId: mine.id, name: "once" }], requestId };
    const once = await profiles.registerResources(fresh);
    expect(once.results[0]?.created).toBe(true);
    expect(await profiles.registerResources(fresh)).toEqual(once);
  });

  test("P15 unregistering and transferring take ids and keys, each for itself", async ({ clients }) => {
    const { profiles } = clients[kind];
    const [a, b] = [await createAccount(clients[kind]), await createAccount(clients[kind])];
    const [from, to] = [await member(clients[kind], a.id), await member(clients[kind], b.id)];
    const [first = 0n, second = 0n, third = 0n] = await register(clients[kind], from.id, "plugin", "first", "second", "third");
    const [taken = 0n] = await register(clients[kind], to.id, "plugin", "second");
    const transfer = (resource: ReturnType<typeof byId> | ReturnType<typeof byKey>, toProfileId = to.id) => ({ resource, toProfileId });
    const { results } = await profiles.transferResources({
      transfers: [
        transfer(byId(first)),
        transfer(byKey("plugin", from.id, "second")),
        transfer(byId(third), UNKNOWN),
        transfer(byId(UNKNOWN)),
        transfer(byId(taken)),
      ],
    });
    expect(shown(results)).toEqual([first, ALREADY_EXISTS, NOT_FOUND, NOT_FOUND, taken]);
    expect(results[0]?.result.value).toMatchObject({ ownerProfileId: to.id, accountId: b.id });
    const owned = async (userId: bigint) =>
      (await all(clients[kind], { kind: "plugin", userId, relation: AccessRelation.OWN })).map(({ id }) => id);
    expect(await owned(from.userId)).toEqual([second, third]);
    expect(await owned(to.userId)).toEqual([first, taken].sort((x, y) => (x < y ? -1 : 1)));
    const twice = { transfers: [transfer(byId(third)), transfer(byKey("plugin", from.id, "third"))] };
    await expectRefusal(profiles.transferResources(twice), "InvalidArgument", "DUPLICATE_ENTRY");
    await expectRefusal(profiles.transferResources({ transfers: [{ toProfileId: to.id }] }), "InvalidArgument", "FIELD_INVALID");

    const named = { resources: [byId(third), byKey("plugin", from.id, "third")] };
    await expectRefusal(profiles.unregisterResources(named), "InvalidArgument", "DUPLICATE_ENTRY");
    const removed = await profiles.unregisterResources({ resources: [byKey("plugin", from.id, "second"), byId(UNKNOWN), byId(third)] });
    expect(shown(removed.results)).toEqual([second, NOT_FOUND, third]);
    expect(await owned(from.userId)).toEqual([]);
    await expectRefusal(profiles.unregisterResources({ resources: [{}] }), "InvalidArgument", "FIELD_INVALID");
  });

  test("P15 a list has pages by id, each resource once, and tokens of its own", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const [staff, regular] = [await member(clients[kind], accountId, { isStaff: true }), await member(clients[kind], accountId)];
    const [mine, theirs] = [unique("kind"), unique("other")];
    const names = Array.from({ length: 11 }, (_, index) => `n${index}`);
    // Ids of both owners, in turn.
    for (const name of names) for (const owner of [regular, staff]) await register(clients[kind], owner.id, mine, name);
    await register(clients[kind], regular.id, theirs, "x");
    for (const pageSize of [1, 4, 22, 1_000]) {
      const listed = await all(clients[kind], { kind: mine, userId: staff.userId, relation: AccessRelation.OWN, pageSize });
      expect(listed.map(({ name, ownerProfileId }) => [name, ownerProfileId])).toEqual(
        names.flatMap((name) => [regular.id, staff.id].map((owner) => [name, owner])),
      );
    }
    expect(await all(clients[kind], { kind: mine, userId: regular.userId, pageSize: 5 })).toHaveLength(22);
    expect(await all(clients[kind], { kind: mine, userId: regular.userId, relation: AccessRelation.OWN, pageSize: 5 })).toHaveLength(11);
    const { id: superuser } = await createUser(clients[kind], { isSuperuser: true });
    expect(await all(clients[kind], { kind: mine, userId: superuser, pageSize: 7 })).toHaveLength(22);
    const { nextPageToken: pageToken } = await profiles.listResources({ kind: mine, userId: staff.userId, pageSize: 2 });
    for (const other of [
      { kind: theirs, userId: staff.userId },
      { kind: mine, userId: regular.userId },
    ]) {
      await expectRefusal(profiles.listResources({ ...other, pageToken }), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
    }
    await expectRefusal(profiles.listResources({ userId: staff.userId }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(profiles.listResources({ kind: mine, userId: staff.userId, pageSize: -1 }), "InvalidArgument", "FIELD_INVALID");
  });

  test("P15 deleting a profile is refused with counts, or transfers, or removes its resources", async ({ clients }) => {
    const { profiles, changes } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const [from, heir] = [await member(clients[kind], accountId), await member(clients[kind], accountId)];
    const kept = await register(clients[kind], from.id, "plugin", "a", "b");
    kept.push(...(await register(clients[kind], from.id, "secret", "s")));
    for (const mode of [RESTRICT, DeleteProfileMode.UNSPECIFIED]) {
      const { info } = await expectRefusal(profiles.deleteProfile({ id: from.id, mode }), "FailedPrecondition", "PROFILE_HAS_RESOURCES");
      expect(info?.metadata).toEqual({ resources: "3", "resources.plugin": "2", "resources.secret": "1" });
    }
    for (const wrong of [
      { mode: TRANSFER, transferToProfileId: 0n },
      { mode: CASCADE, transferToProfileId: heir.id },
      { mode: TRANSFER, transferToProfileId: from.id },
      { mode: 9 as DeleteProfileMode, transferToProfileId: 0n },
    ]) {
      await expectRefusal(profiles.deleteProfile({ id: from.id, ...wrong }), "InvalidArgument", "FIELD_INVALID");
    }
    const to = { mode: TRANSFER, transferToProfileId: heir.id };
    await expectRefusal(profiles.deleteProfile({ id: from.id, ...to, transferToProfileId: UNKNOWN }), "NotFound", "PROFILE_NOT_FOUND");
    const [inTheWay = 0n] = await register(clients[kind], heir.id, "plugin", "b");
    await expectRefusal(profiles.deleteProfile({ id: from.id, ...to }), "AlreadyExists", "RESOURCE_TAKEN");
    await profiles.unregisterResources({ resources: [byId(inTheWay)] });
    await profiles.deleteProfile({ id: from.id, ...to });
    const inherited = await all(clients[kind], { kind: "plugin", userId: heir.userId });
    expect(inherited.map(({ id, ownerProfileId }) => [id, ownerProfileId])).toEqual(kept.slice(0, 2).map((id) => [id, heir.id]));
    await profiles.deleteProfile({ id: heir.id, mode: CASCADE });
    const { auditEntries } = await changes.listAuditEntries({ filter: { kinds: ["resource"] }, pageSize: 1_000 });
    const gone = auditEntries.filter(({ operation, key }) => operation === AuditOperation.DELETE && kept.map(String).includes(key));
    expect(gone.map(({ key }) => BigInt(key)).sort()).toEqual(kept.toSorted());
  });
});

test("U40 a purge takes the profiles, contacts and resources of the user along, and says so in the log", async ({ clients, db }) => {
  const { users, profiles, changes } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const [gone, stays] = [await member(clients["grpc-js"], accountId), await member(clients["grpc-js"], accountId)];
  const ids = await register(clients["grpc-js"], gone.id, "plugin", "a", "b");
  await register(clients["grpc-js"], stays.id, "plugin", "a");
  const versionOf = async () =>
    (
      await db.sql
        .selectFrom("aggregate_version")
        .select("version")
        .where("kind", "=", "account")
        .where("id", "=", accountId)
        .executeTakeFirst()
    )?.version ?? 0n;
  const before = await versionOf();
  await users.purgeUser({ id: gone.userId });
  expect(await versionOf()).toBe(before + 1n);
  await expectRefusal(profiles.getProfile({ key: { case: "id", value: gone.id } }), "NotFound", "PROFILE_NOT_FOUND");
  expect((await profiles.listAccountContacts({ accountId })).contacts).toMatchObject([{ userId: stays.userId, isPrimary: false }]);
  const { auditEntries } = await changes.listAuditEntries({ filter: { kinds: ["resource"] }, pageSize: 2 });
  expect(auditEntries.map(({ key, operation }) => [BigInt(key), operation])).toEqual(
    ids.toReversed().map((id) => [id, AuditOperation.DELETE]),
  );
});

test("batches of 1,000 are as many statements as batches of one", async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const [from, to] = [await member(clients["grpc-js"], accountId), await member(clients["grpc-js"], accountId)];
  const resources = (count: number) => Array.from({ length: count }, () => ({ kind: "plugin", ownerProfileId: from.id, name: unique() }));
  const [few, many] = [resources(1), resources(1_000)];
  const refs = (keys: typeof few) => keys.map(({ name }) => byKey("plugin", from.id, name));
  await profiles.registerResources({ resources: resources(1) });
  const count = async (call: () => Promise<unknown>) => (await statementsOf(call)).length;
  expect(await count(() => profiles.registerResources({ resources: many }))).toBe(
    await count(() => profiles.registerResources({ resources: few })),
  );
  const move = (keys: typeof few) =>
    profiles.transferResources({ transfers: refs(keys).map((resource) => ({ resource, toProfileId: to.id })) });
  expect(await count(() => move(many))).toBe(await count(() => move(few)));
  const moved = (keys: typeof few) => keys.map(({ name }) => byKey("plugin", to.id, name));
  const drop = (keys: typeof few) => profiles.unregisterResources({ resources: moved(keys) });
  expect(await count(() => drop(many))).toBe(await count(() => drop(few)));
});

test("P15 resources that are registered while their owner is deleted are refused or prevent it; none is left behind", async ({
  clients,
  db,
}) => {
  const { profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  for (let round = 0; round < 10; round += 1) {
    const owner = await member(clients["grpc-js"], accountId);
    const calls = Array.from({ length: 5 }, (_, index) => register(clients["grpc-js"], owner.id, "plugin", `n${index}`));
    const deleted = await profiles.deleteProfile({ id: owner.id, mode: round % 2 === 0 ? RESTRICT : CASCADE }).then(
      () => true,
      () => false,
    );
    const outcomes = (await Promise.all(calls)).flat();
    const left = await db.sql.selectFrom("resource").select("id").where("owner_profile_id", "=", owner.id).execute();
    if (deleted) expect(left).toEqual([]);
    else expect(left).toHaveLength(5);
    if (!deleted) expect(outcomes).not.toContain(NOT_FOUND);
  }
});

test("P15 transfers in both directions at once lose nothing and never fail", { timeout: 60_000 }, async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const [a, b] = [await createAccount(clients["grpc-js"]), await createAccount(clients["grpc-js"])];
  const [first, second] = [await member(clients["grpc-js"], a.id), await member(clients["grpc-js"], b.id)];
  const kind = unique("raced");
  const ids = await register(clients["grpc-js"], first.id, kind, "x", "y", "z");
  const move = (toProfileId: bigint) => profiles.transferResources({ transfers: ids.map((id) => ({ resource: byId(id), toProfileId })) });
  await Promise.all(Array.from({ length: 20 }, (_, index) => move(index % 2 === 0 ? second.id : first.id)));
  const { id: superuser } = await createUser(clients["grpc-js"], { isSuperuser: true });
  const listed = await all(clients["grpc-js"], { kind, userId: superuser });
  expect(listed.map(({ id }) => id)).toEqual(ids);
  for (const { ownerProfileId, accountId } of listed) expect(accountId).toBe(ownerProfileId === first.id ? a.id : b.id);
});
