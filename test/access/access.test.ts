import { sql } from "kysely";
import { describe, expect } from "vitest";
import { AccessRule } from "../../src/gen/userd/v1/access_pb.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { statementsOf } from "../options/statements.ts";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base, clientKinds } from "../support/service.ts";

const UNKNOWN = 9_000_000_000_000n;
const { READ, OWN } = AccessRelation;

/** The platform account of the file, with a staff user. */
const test = base.extend("platform", { scope: "file" }, async ({ clients }) => {
  const account = await createAccount(clients["grpc-js"], { isPlatform: true });
  const { id: userId } = await createUser(clients["grpc-js"], { isStaff: true });
  const admin = await createProfile(clients["grpc-js"], userId, account.id);
  return { account, admin };
});

const of = (ownerProfileId: bigint) => ({ target: { case: "ownerProfileId" as const, value: ownerProfileId } });
const since = (token: string) => ({ mode: { case: "atLeastAsFresh" as const, value: token } });
const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : Number(a > b));

const member = async (clients: Clients, accountId: bigint, flags: Parameters<typeof createUser>[1] = {}) => {
  const { id: userId } = await createUser(clients, flags);
  const { id: profileId } = await createProfile(clients, userId, accountId);
  return { userId, profileId };
};

describe.for(clientKinds)("access, through %s", { concurrent: true }, (kind) => {
  test("P10 several profiles are a union, each owner once; an account narrows it to one", async ({ clients, platform }) => {
    const { profiles } = clients[kind];
    const [a, b] = [await createAccount(clients[kind]), await createAccount(clients[kind])];
    const [adminOfA, adminOfB] = [
      await member(clients[kind], a.id, { isStaff: true }),
      await member(clients[kind], b.id, { isStaff: true }),
    ];
    const { userId, profileId: inA } = await member(clients[kind], a.id);
    const { id: inB } = await createProfile(clients[kind], userId, b.id);
    const scopeOf = async (request: Parameters<typeof profiles.getAccessScope>[0]) =>
      (await profiles.getAccessScope({ userId, ...request })).scope;
    const set = (...profileIds: bigint[]) => ({ case: "set", value: { profileIds: profileIds.sort(ascending), accountIds: [] } });
    const all = [inA, inB, adminOfA.profileId, adminOfB.profileId, platform.admin.id];
    expect(await scopeOf({})).toMatchObject(set(...all));
    expect(await scopeOf({ accountId: a.id })).toMatchObject(set(inA, adminOfA.profileId, platform.admin.id));
    expect(await scopeOf({ relation: OWN, accountId: b.id })).toMatchObject(set(inB));
    expect(await scopeOf({ accountId: UNKNOWN })).toMatchObject({ case: "none", value: true });
    const staff = { userId: adminOfA.userId };
    await createProfile(clients[kind], staff.userId, b.id);
    const owned = await scopeOf({ ...staff, relation: OWN });
    expect(owned).toMatchObject({ case: "set", value: { profileIds: [], accountIds: [a.id, b.id].sort(ascending) } });
    expect((await profiles.listProfiles({ asUserId: staff.userId, relation: OWN })).profiles.map(({ id }) => id)).toEqual(
      [inA, inB, adminOfA.profileId, adminOfB.profileId, ...(await profilesOf(clients[kind], staff.userId, b.id))].sort(ascending),
    );
  });

  test("P9 whoever is unknown, anonymous or inactive gets the same answers", async ({ clients, platform }) => {
    const { users, profiles } = clients[kind];
    const { userId: inactive, profileId } = await member(clients[kind], platform.account.id, { isSuperuser: true });
    await users.deactivateUser({ id: inactive });
    for (const userId of [0n, UNKNOWN, inactive]) {
      expect((await profiles.getAccessScope({ userId })).scope).toEqual({ case: "none", value: true });
      for (const owner of [profileId, platform.admin.id, UNKNOWN]) {
        expect(await profiles.checkAccess({ userId, ...of(owner) })).toMatchObject({ allowed: false, rule: AccessRule.NOBODY });
      }
      expect(await profiles.listResources({ userId, kind: "plugin" })).toMatchObject({ resources: [], nextPageToken: "" });
      expect(await profiles.listProfiles({ asUserId: userId })).toMatchObject({ profiles: [], nextPageToken: "" });
    }
    for (const userId of [0n, UNKNOWN]) expect(await profiles.getAccessScope({ userId })).toMatchObject({ revision: 0n });
  });

  test("P14 a batch answers in order, duplicates included, each with the rule that decided", async ({ clients, platform }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const [staff, regular] = [await member(clients[kind], accountId, { isStaff: true }), await member(clients[kind], accountId)];
    const { id: superuser } = await createUser(clients[kind], { isSuperuser: true });
    const { id: outsider } = await createUser(clients[kind]);
    const name = unique();
    const { results: registered } = await profiles.registerResources({
      resources: [{ kind: "plugin", ownerProfileId: regular.profileId, name }],
    });
    const resourceId = registered[0]?.result.case === "resource" ? registered[0].result.value.id : 0n;
    const resource = (id: bigint) => ({ target: { case: "resource" as const, value: { ref: { case: "id" as const, value: id } } } });
    const cases = [
      [{ userId: regular.userId, relation: OWN, ...of(regular.profileId) }, AccessRule.SELF],
      [{ userId: staff.userId, relation: OWN, ...of(regular.profileId) }, AccessRule.STAFF_OF_ACCOUNT],
      [{ userId: staff.userId, relation: OWN, ...resource(resourceId) }, AccessRule.STAFF_OF_ACCOUNT],
      [{ userId: regular.userId, relation: READ, ...of(staff.profileId) }, AccessRule.ACCOUNT_ADMIN],
      [{ userId: regular.userId, ...of(platform.admin.id) }, AccessRule.PLATFORM_ADMIN],
      [{ userId: superuser, relation: OWN, ...of(regular.profileId) }, AccessRule.SUPERUSER],
      [{ userId: regular.userId, relation: OWN, ...of(staff.profileId) }, AccessRule.NOT_GRANTED],
      [{ userId: outsider, ...of(platform.admin.id) }, AccessRule.NO_PROFILE],
      [{ userId: UNKNOWN, ...of(regular.profileId) }, AccessRule.NOBODY],
      [{ userId: superuser, ...of(UNKNOWN) }, AccessRule.NO_OWNER],
      [{ userId: superuser, ...resource(UNKNOWN) }, AccessRule.NO_OWNER],
      [{ userId: regular.userId, relation: OWN, ...of(regular.profileId) }, AccessRule.SELF],
    ] as const;
    const checks = Array.from({ length: 1_000 }, (_, index) => cases[index % cases.length] ?? cases[0]);
    const { results } = await profiles.batchCheckAccess({ checks: checks.map(([check]) => check) });
    const denying = [AccessRule.NOT_GRANTED, AccessRule.NO_PROFILE, AccessRule.NOBODY, AccessRule.NO_OWNER] as AccessRule[];
    expect(results.map(({ allowed, rule }) => ({ allowed, rule }))).toEqual(
      checks.map(([, rule]) => ({ allowed: !denying.includes(rule), rule })),
    );
    const tooMany = profiles.batchCheckAccess({ checks: [...checks, cases[0]].map(([check]) => check) });
    await expectRefusal(tooMany, "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(profiles.batchCheckAccess({}), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(profiles.checkAccess({ userId: superuser }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(profiles.checkAccess({ userId: -1n, ...of(1n) }), "InvalidArgument", "FIELD_INVALID");
  });
});

const profilesOf = async ({ profiles }: Clients, userId: bigint, accountId: bigint): Promise<bigint[]> => {
  const { profile } = await profiles.getProfile({ key: { case: "pair", value: { userId, accountId } } });
  return profile ? [profile.id] : [];
};

test("P13 the revision rises with every change that a scope depends on", async ({ clients, platform }) => {
  const { users, profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const { userId, profileId } = await member(clients["grpc-js"], accountId);
  const admin = await member(clients["grpc-js"], accountId, { isStaff: true });
  const { id: other } = await createAccount(clients["grpc-js"]);
  let second = 0n;
  const changes: readonly (readonly [name: string, change: () => Promise<{ consistencyToken: string }>])[] = [
    ["the user is staff", () => users.updateUser({ user: { id: userId, isStaff: true } })],
    ["and no longer", () => users.updateUser({ user: { id: userId, isStaff: false } })],
    ["the admin is no longer staff", () => users.updateUser({ user: { id: admin.userId, isStaff: false } })],
    ["the admin is staff again", () => users.updateUser({ user: { id: admin.userId, isStaff: true } })],
    ["the admin is deactivated", () => users.deactivateUser({ id: admin.userId })],
    ["the admin is active again", () => users.reactivateUser({ id: admin.userId })],
    [
      "somebody joins the account",
      async () => profiles.createProfile({ profile: { userId: (await createUser(clients["grpc-js"])).id, accountId } }),
    ],
    ["the admin leaves", () => profiles.deleteProfile({ id: admin.profileId })],
    [
      "the user joins another account",
      async () => {
        const created = await profiles.createProfile({ profile: { userId, accountId: other } });
        second = created.profile?.id ?? 0n;
        return created;
      },
    ],
    ["and leaves it", () => profiles.deleteProfile({ id: second })],
    ["the admin of the platform changes", () => users.updateUser({ user: { id: platform.admin.userId, isStaff: false } })],
    ["and back", () => users.updateUser({ user: { id: platform.admin.userId, isStaff: true } })],
    ["there is no platform account", () => profiles.updateAccount({ account: { id: platform.account.id, isPlatform: false } })],
    ["there is one again", () => profiles.updateAccount({ account: { id: platform.account.id, isPlatform: true } })],
    ["the user is suspended", () => users.suspendUser({ id: userId })],
    ["and no longer", () => users.unsuspendUser({ id: userId })],
    ["the user is a superuser", () => users.updateUser({ user: { id: userId, isSuperuser: true } })],
    ["and no longer", () => users.updateUser({ user: { id: userId, isSuperuser: false } })],
    ["the user is deleted", () => users.deleteUser({ id: userId })],
    ["and restored", () => users.undeleteUser({ id: userId })],
    ["its profile goes", () => profiles.deleteProfile({ id: profileId })],
  ];
  let before = (await profiles.getAccessScope({ userId })).revision;
  for (const [name, change] of changes) {
    const { consistencyToken } = await change();
    const { revision } = await profiles.getAccessScope({ userId, consistency: since(consistencyToken) });
    expect(revision, name).toBeGreaterThan(before);
    before = revision;
  }
  expect((await profiles.getAccessScope({ userId })).revision).toBe(before);
});

test("P13 versions move in the transaction of the change, and not at all when it is rolled back", async ({ clients, db }) => {
  const { profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const [asking, admin] = [await member(clients["grpc-js"], accountId), await member(clients["grpc-js"], accountId, { isStaff: true })];
  // Changes that no write of the service makes are heard of within the bound only.
  const consistency = { mode: { case: "fullyConsistent" as const, value: true } };
  const scope = () => profiles.getAccessScope({ userId: asking.userId, consistency });
  const changes = [
    sql`update users set is_staff = false where id = ${admin.userId}`,
    sql`delete from user_profile where id = ${admin.profileId}`,
    sql`insert into user_profile (user_id, account_id) select ${asking.userId}, id from account where is_platform`,
  ];
  for (const change of changes) {
    const before = await scope();
    const rolledBack = db.sql.transaction().execute(async (tx) => {
      await change.execute(tx);
      throw new Error("rolled back");
    });
    await expect(rolledBack).rejects.toThrow("rolled back");
    expect(await scope()).toEqual(before);
    await change.execute(db.sql);
    const after = await scope();
    expect(after.revision).toBeGreaterThan(before.revision);
    // The second change is of a profile that nothing was granted by any more.
    if (change !== changes[1]) expect(after.scope).not.toEqual(before.scope);
  }
});

test("P13 a revocation holds for every check that begins after it, with its token or without", { timeout: 60_000 }, async ({ clients }) => {
  const { users, profiles } = clients["grpc-js"];
  const revocations = [
    ["the staff flag goes", async (who: Member) => users.updateUser({ user: { id: who.userId, isStaff: false } })],
    ["the profile goes", async (who: Member) => profiles.deleteProfile({ id: who.profileId })],
    ["the user is deactivated", async (who: Member) => users.deactivateUser({ id: who.userId })],
    ["the user is deleted", async (who: Member) => users.deleteUser({ id: who.userId })],
  ] as const;
  for (const [name, revoke] of revocations) {
    const { id: accountId } = await createAccount(clients["grpc-js"]);
    const [staff, peer] = [await member(clients["grpc-js"], accountId, { isStaff: true }), await member(clients["grpc-js"], accountId)];
    const question = { userId: staff.userId, relation: OWN, ...of(peer.profileId) };
    let token = "";
    let stop = false;
    const seen = { before: 0, after: 0, late: 0 };
    const reader = async (withToken: boolean): Promise<void> => {
      while (!stop) {
        const begunWith = token;
        const consistency = withToken && begunWith !== "" ? { consistency: since(begunWith) } : {};
        const { allowed } = await profiles.checkAccess({ ...question, ...consistency });
        if (begunWith === "") seen.before += 1;
        else if (allowed) seen.late += 1;
        else seen.after += 1;
      }
    };
    const readers = Array.from({ length: 8 }, (_, index) => reader(index % 2 === 0));
    await expect.poll(() => seen.before, { timeout: 10_000 }).toBeGreaterThan(20);
    ({ consistencyToken: token } = await revoke(staff));
    await expect.poll(() => seen.after, { timeout: 10_000 }).toBeGreaterThan(40);
    stop = true;
    await Promise.all(readers);
    expect(seen.late, name).toBe(0);
  }
});

type Member = Awaited<ReturnType<typeof member>>;

test("a check is four statements at most, 1,000 checks are no more, and what is held needs none", async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const members = await Promise.all(Array.from({ length: 10 }, () => member(clients["grpc-js"], accountId)));
  const [{ userId, profileId } = { userId: 0n, profileId: 0n }] = members;
  const checks = Array.from({ length: 1_000 }, (_, index) => ({
    userId: members[index % 10]?.userId ?? 0n,
    ...of(members[(index * 7) % 10]?.profileId ?? 0n),
  }));
  const strong = { mode: { case: "fullyConsistent" as const, value: true } };
  // The user, its accounts, whose the profile is, and that user.
  const first = await statementsOf(() => profiles.checkAccess({ userId, ...of(profileId) }));
  expect(first.length).toBeLessThanOrEqual(4);
  expect((await statementsOf(() => profiles.batchCheckAccess({ checks }))).length).toBeLessThanOrEqual(4);
  expect(await statementsOf(() => profiles.getAccessScope({ userId, consistency: strong }))).toHaveLength(2);
  // Now they are held: a hit touches no database.
  expect(await statementsOf(() => profiles.checkAccess({ userId, ...of(profileId) }))).toHaveLength(0);
  expect(await statementsOf(() => profiles.batchCheckAccess({ checks }))).toHaveLength(0);
  expect(await statementsOf(() => profiles.getAccessScope({ userId }))).toHaveLength(0);
  // The page alone: the scope is held.
  expect(await statementsOf(() => profiles.listResources({ userId, kind: "plugin" }))).toHaveLength(1);
  expect(await statementsOf(() => profiles.listProfiles({ asUserId: userId, withUser: true, withAccount: true }))).toHaveLength(3);
});

test("members that come, go, and change their flags in the platform account at once never fail each other", { timeout: 60_000 }, async ({
  clients,
  platform,
}) => {
  const { users, profiles } = clients["grpc-js"];
  const other = await createAccount(clients["grpc-js"]);
  const some = (count = 8) => Promise.all(Array.from({ length: count }, () => member(clients["grpc-js"], platform.account.id)));
  const [staff, joining, named, leaving, purged] = [await some(), await some(), await some(), await some(), await some()];
  const coming = await Promise.all(Array.from({ length: 8 }, () => createUser(clients["grpc-js"])));
  const calls = [
    ...coming.map(({ id: userId }) => profiles.createProfile({ profile: { userId, accountId: platform.account.id } })),
    ...staff.map(({ userId }) => users.updateUser({ user: { id: userId, isStaff: true } })),
    ...joining.map(({ userId }) => profiles.createProfile({ profile: { userId, accountId: other.id } })),
    ...named.map(({ profileId }) => profiles.updateProfile({ profile: { id: profileId, name: unique() } })),
    ...leaving.map(({ profileId }) => profiles.deleteProfile({ id: profileId })),
    ...purged.map(({ userId }) => users.purgeUser({ id: userId })),
  ];
  await Promise.all(calls);
});
