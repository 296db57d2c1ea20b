import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { describe, expect } from "vitest";
import { withinBound } from "../../src/cache/read-consistency.ts";
import { GetProfileRequestSchema } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { getProfile } from "../../src/profiles/get-profile.ts";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test, testCall } from "../support/service.ts";

const UNKNOWN = 9_000_000_000_000n;

const get = async ({ profiles }: Clients, id: bigint) => (await profiles.getProfile({ key: { case: "id", value: id } })).profile;
const contactsOf = async ({ profiles }: Clients, accountId: bigint) => (await profiles.listAccountContacts({ accountId })).contacts;

describe.for(clientKinds)("profiles, through %s", { concurrent: true }, (kind) => {
  test("P3 a user has one profile in an account, and may have several; user and account never change", async ({ clients }) => {
    const { profiles } = clients[kind];
    const [{ id: userId }, other] = [await createUser(clients[kind]), await createUser(clients[kind])];
    const [a, b] = [await createAccount(clients[kind]), await createAccount(clients[kind])];
    const profile = await createProfile(clients[kind], userId, a.id);
    await createProfile(clients[kind], userId, b.id);
    await expectRefusal(profiles.createProfile({ profile: { userId, accountId: a.id } }), "AlreadyExists", "PROFILE_TAKEN");
    await expectRefusal(profiles.createProfile({ profile: { userId: UNKNOWN, accountId: a.id } }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(profiles.createProfile({ profile: { userId, accountId: UNKNOWN } }), "NotFound", "ACCOUNT_NOT_FOUND");
    for (const profile of [{ userId }, { accountId: a.id }, undefined]) {
      await expectRefusal(profiles.createProfile({ ...(profile && { profile }) }), "InvalidArgument", "FIELD_INVALID");
    }
    for (const moved of [{ userId: other.id }, { accountId: b.id }]) {
      await expectRefusal(profiles.updateProfile({ profile: { id: profile.id, ...moved } }), "FailedPrecondition", "IMMUTABLE_FIELD");
    }
    const same = await profiles.updateProfile({ profile: { id: profile.id, userId, accountId: a.id, name: "n" } });
    expect(same.profile?.name).toBe("n");
    const all = await profiles.updateProfile({ profile: { id: profile.id, name: "m" }, updateMask: { paths: ["*"] } });
    expect(all.profile).toMatchObject({ name: "m", userId, accountId: a.id });
  });

  test("P4 versions are semantic ones", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id } = await createProfile(clients[kind], (await createUser(clients[kind])).id, (await createAccount(clients[kind])).id);
    const set = (version: string) => profiles.updateProfile({ profile: { id, version } });
    for (const version of ["1.0.0-alpha.1", "1.0.0+build.5", "0.0.0", "10.20.30-rc.1+sha.5114f85", "1.2.3----RC-SNAPSHOT.12.9.1--.12"]) {
      expect((await set(version)).profile?.version).toBe(version);
    }
    for (const version of ["1.0", "v1.0.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0+", "", "1.0.0\n", "١.0.0", "1.0.0.0"]) {
      const { fields } = await expectRefusal(set(version), "InvalidArgument", "FIELD_INVALID");
      expect(fields).toEqual(["profile.version"]);
    }
  });

  test("P4 annotations, tags and the picture are held to their rules", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id } = await createProfile(clients[kind], (await createUser(clients[kind])).id, (await createAccount(clients[kind])).id);
    const annotations: JsonObject[] = [{ "smarter.sh/role": "a", "x_y-z.1": { any: [1, null, true] } }, {}, { a: 0 }];
    const { profile } = await profiles.updateProfile({
      profile: {
        id,
        annotations,
        tags: ["Blue", "green", "BLUE", "Ärger", "ÄRGER"],
        profileImageUrl: "https://example.com/a.png",
        isTest: true,
      },
    });
    expect(profile).toMatchObject({
      annotations,
      tags: ["Blue", "green", "Ärger"],
      profileImageUrl: "https://example.com/a.png",
      isTest: true,
    });
    expect(await get(clients[kind], id)).toEqual(profile);
    for (const bad of [{ "a b": 1 }, { "": 1 }, { é: 1 }, { a: 1, "b\n": 1 }, { "a:b": 1 }]) {
      const refused = profiles.updateProfile({ profile: { id, annotations: [{}, bad] } });
      expect((await expectRefusal(refused, "InvalidArgument", "FIELD_INVALID")).fields).toEqual(["profile.annotations[1]"]);
    }
    const large = profiles.updateProfile({ profile: { id, annotations: [{ a: "x".repeat(70_000) }] } });
    await expectRefusal(large, "InvalidArgument", "OPTION_VALUE_TOO_LARGE");
    for (const bad of [
      { tags: [""] },
      { tags: ["x".repeat(101)] },
      { tags: ["a\0"] },
      { profileImageUrl: "no url" },
      { name: "x".repeat(256) },
    ]) {
      await expectRefusal(profiles.updateProfile({ profile: { id, ...bad } }), "InvalidArgument", "FIELD_INVALID");
    }
    const cleared = await profiles.updateProfile({ profile: { id }, updateMask: { paths: ["tags", "annotations", "profile_image_url"] } });
    expect(cleared.profile).toMatchObject({ annotations: [], tags: [], profileImageUrl: "", isTest: true });
  });

  test("P5 a new profile makes its user a contact: the primary one if there is none", async ({ clients }) => {
    const { profiles, changes } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const [first, second] = [await createUser(clients[kind], { name: "First" }), await createUser(clients[kind], { name: "Second" })];
    const { id } = await createProfile(clients[kind], first.id, accountId);
    await createProfile(clients[kind], second.id, accountId);
    expect(await contactsOf(clients[kind], accountId)).toMatchObject([
      { email: first.email, name: "First", isPrimary: true, userId: first.id },
      { email: second.email, name: "Second", isPrimary: false, userId: second.id },
    ]);
    const { auditEntries } = await changes.listAuditEntries({ filter: { userId: first.id, kinds: ["user_profile"] } });
    expect(auditEntries).toMatchObject([{ kind: "user_profile", key: String(id), userId: first.id }]);
    const { id: nameless } = await createUser(clients[kind], { username: unique(), email: "" });
    await createProfile(clients[kind], nameless, accountId);
    expect(await contactsOf(clients[kind], accountId)).toHaveLength(2);
    // Refused: no contact either.
    await expectRefusal(profiles.createProfile({ profile: { userId: first.id, accountId } }), "AlreadyExists", "PROFILE_TAKEN");
  });

  test("P5 a contact that is there takes the name, and is promoted but never demoted", async ({ clients }) => {
    const { profiles } = clients[kind];
    const user = await createUser(clients[kind], { name: "New name" });
    const { email = "" } = user;
    for (const [isPrimary, others] of [
      [true, 0],
      [false, 1],
      [false, 0],
    ] as const) {
      const { id: accountId } = await createAccount(clients[kind]);
      if (others) await profiles.addAccountContact({ accountId, contact: { email: "boss@example.com", isPrimary: true } });
      await profiles.addAccountContact({ accountId, contact: { email: email.toUpperCase(), name: "Old name", isPrimary } });
      await createProfile(clients[kind], user.id, accountId);
      const contact = (await contactsOf(clients[kind], accountId)).find((one) => one.email.toLowerCase() === email);
      expect(contact).toMatchObject({ email: email.toUpperCase(), name: "New name", isPrimary: others === 0, userId: user.id });
    }
  });

  test("P5 a user that is renamed is so in its contacts, with the token at once", async ({ clients }) => {
    const { users, profiles } = clients[kind];
    const accounts = [await createAccount(clients[kind]), await createAccount(clients[kind])];
    const { id: userId } = await createUser(clients[kind], { name: "Before" });
    for (const { id } of accounts) await createProfile(clients[kind], userId, id);
    const { consistencyToken } = await users.updateUser({ user: { id: userId, name: "After" } });
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
    for (const { id: accountId } of accounts) {
      expect((await profiles.listAccountContacts({ accountId, consistency })).contacts).toMatchObject([{ userId, name: "After" }]);
    }
    await users.updateUser({ user: { id: userId, name: "" } });
    expect(await contactsOf(clients[kind], accounts[0]?.id ?? 0n)).toMatchObject([{ userId, name: "After" }]);
  });

  test("P6 a pair is that pair or NOT_FOUND; all profiles of a user are a list", async ({ clients }) => {
    const { profiles } = clients[kind];
    const [a, b] = [await createAccount(clients[kind]), await createAccount(clients[kind])];
    const [{ id: userId }, { id: staff }] = [await createUser(clients[kind]), await createUser(clients[kind], { isStaff: true })];
    await createProfile(clients[kind], staff, a.id);
    const mine = await createProfile(clients[kind], userId, b.id);
    const byPair = (accountId: bigint) => profiles.getProfile({ key: { case: "pair", value: { userId, accountId } } });
    expect((await byPair(b.id)).profile).toEqual(mine);
    await expectRefusal(byPair(a.id), "NotFound", "PROFILE_NOT_FOUND");
    const other = await createProfile(clients[kind], userId, a.id);
    const { profiles: all } = await profiles.listProfiles({
      filter: { node: { case: "term", value: { condition: { case: "userId", value: { ids: [userId] } } } } },
    });
    expect(all.map(({ id }) => id)).toEqual([mine.id, other.id]);
    await expectRefusal(profiles.getProfile({ key: { case: "pair", value: { userId } } }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(profiles.getProfile({ key: { case: "id", value: UNKNOWN } }), "NotFound", "PROFILE_NOT_FOUND");
  });

  test("P8 after an update the next read is new, under every consistency", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id } = await createProfile(clients[kind], (await createUser(clients[kind])).id, (await createAccount(clients[kind])).id);
    for (let round = 0; round < 5; round += 1) {
      const name = unique();
      const { consistencyToken } = await profiles.updateProfile({ profile: { id, name } });
      for (const mode of [
        { case: undefined },
        { case: "minimizeLatency", value: true },
        { case: "atLeastAsFresh", value: consistencyToken },
        { case: "fullyConsistent", value: true },
      ] as const) {
        const { profile } = await profiles.getProfile({
          key: { case: "id", value: id },
          withUser: true,
          withAccount: true,
          consistency: { mode },
        });
        expect(profile).toMatchObject({ name, user: { id: profile?.userId }, account: { id: profile?.accountId } });
      }
    }
    const forged = { key: { case: "id" as const, value: id }, consistency: { mode: { case: "atLeastAsFresh" as const, value: "x" } } };
    await expectRefusal(profiles.getProfile(forged), "InvalidArgument", "TOKEN_INVALID");
  });

  test("an equal update moves no etag; a stale one is refused, on deletion too", async ({ clients }) => {
    const { profiles } = clients[kind];
    const profile = await createProfile(clients[kind], (await createUser(clients[kind])).id, (await createAccount(clients[kind])).id, {
      name: "n",
      tags: ["t"],
    });
    const { id } = profile;
    expect((await profiles.updateProfile({ profile: { id, name: "n", tags: ["t"], isTest: false } })).profile).toEqual(profile);
    const { profile: changed } = await profiles.updateProfile({ profile: { id, description: "d", etag: profile.etag } });
    const stale = { etag: profile.etag };
    const { info } = await expectRefusal(profiles.updateProfile({ profile: { id, name: "x", ...stale } }), "Aborted", "ETAG_MISMATCH");
    expect(info?.metadata).toEqual({ etag: changed?.etag });
    await expectRefusal(profiles.deleteProfile({ id, ...stale }), "Aborted", "ETAG_MISMATCH");
    expect((await profiles.deleteProfile({ id, validateOnly: true })).profile).toEqual(changed);
    expect(await get(clients[kind], id)).toEqual(changed);
    const requestId = randomUUID();
    const deleted = await profiles.deleteProfile({ id, etag: changed?.etag ?? "", requestId });
    expect(deleted.profile).toEqual(changed);
    expect(await profiles.deleteProfile({ id, etag: changed?.etag ?? "", requestId })).toEqual(deleted);
    await expectRefusal(profiles.deleteProfile({ id }), "NotFound", "PROFILE_NOT_FOUND");
    await expectRefusal(profiles.updateProfile({ profile: { id, name: "x" } }), "NotFound", "PROFILE_NOT_FOUND");
  });
});

test("P2 P5 100 first profiles at once make one primary contact", { timeout: 60_000 }, async ({ clients }) => {
  const { users, profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const { results } = await users.batchCreateUsers({ users: Array.from({ length: 100 }, () => ({ email: `${unique()}@example.com` })) });
  const ids = results.map(({ result }) => (result.case === "user" ? result.value.id : 0n));
  await Promise.all(ids.map((userId) => profiles.createProfile({ profile: { userId, accountId } })));
  const { contacts } = await profiles.listAccountContacts({ accountId, pageSize: 1_000 });
  expect(contacts).toHaveLength(100);
  expect(contacts.filter(({ isPrimary }) => isPrimary)).toHaveLength(1);
  expect(new Set(contacts.map(({ userId }) => userId))).toEqual(new Set(ids));
});

test("P3 of 20 profiles of one user in one account at once, one is created", async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const [{ id: userId }, { id: accountId }] = [await createUser(clients["grpc-js"]), await createAccount(clients["grpc-js"])];
  const calls = await Promise.allSettled(Array.from({ length: 20 }, () => profiles.createProfile({ profile: { userId, accountId } })));
  expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const call of calls)
    if (call.status === "rejected") await expectRefusal(Promise.reject(call.reason), "AlreadyExists", "PROFILE_TAKEN");
});

test("a deleted user gets no profile", async ({ clients }) => {
  const { users, profiles } = clients["grpc-js"];
  const [{ id: userId }, { id: accountId }] = [await createUser(clients["grpc-js"]), await createAccount(clients["grpc-js"])];
  await users.deleteUser({ id: userId });
  await expectRefusal(profiles.createProfile({ profile: { userId, accountId } }), "FailedPrecondition", "USER_DELETED");
});

test("who may not see users gets no user with a profile", async ({ clients }) => {
  const { id } = await createProfile(
    clients["grpc-js"],
    (await createUser(clients["grpc-js"])).id,
    (await createAccount(clients["grpc-js"])).id,
  );
  const call = testCall({ caller: { name: "reader", permissions: new Set(["access.read"]) } });
  const response = { profile: { id } };
  const read = getProfile({
    freshness: { check: () => undefined, reading: () => withinBound, certificateOf: () => ({}) },
    holders: { get: () => ({ userId: 1n, owner: { profileId: id, accountId: 1n } }) },
    profiles: { get: () => ({ profile: { row: { id }, response } }) },
  } as unknown as Parameters<typeof getProfile>[0]);
  const ask = async (withUser: boolean) => read(call, create(GetProfileRequestSchema, { key: { case: "id", value: id }, withUser }));
  expect((await ask(false)).profile).toMatchObject({ id });
  await expect(ask(true)).rejects.toMatchObject({ reason: "PERMISSION_REQUIRED", metadata: { permission: "users.read" } });
});

test("P4 a name that is not in camelCase is stored, and a warning in the answer of the write", async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  for (const [name, isWarned] of [
    ["apiKey", false],
    ["a1", false],
    ["", false],
    ["ApiKey", true],
    ["api-key", true],
    ["1st", true],
    ["ärger", true],
    ["api key", true],
  ] as const) {
    const { id: userId } = await createUser(clients["grpc-js"]);
    const warnings = (field: string) => (isWarned ? [{ field, description: expect.stringContaining("camelCase") }] : []);
    const created = await profiles.createProfile({ profile: { userId, accountId, name } });
    expect(created).toMatchObject({ profile: { name }, warnings: warnings("profile.name") });
    const id = created.profile?.id ?? 0n;
    expect((await profiles.updateProfile({ profile: { id, name } })).warnings).toMatchObject(warnings("profile.name"));
    // A write that leaves the name alone says nothing of it.
    expect((await profiles.updateProfile({ profile: { id, description: "x" } })).warnings).toEqual([]);
    const { id: other } = await createAccount(clients["grpc-js"]);
    const { results } = await profiles.batchCreateProfiles({ profiles: [{ userId, accountId: other, name }] });
    expect(results).toMatchObject([{ result: { case: "profile" }, warnings: warnings("profiles[0].name") }]);
  }
});
