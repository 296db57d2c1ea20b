import { randomUUID } from "node:crypto";
import { describe, expect } from "vitest";
import { AccessRelation as Relation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN = 9_000_000_000_000n;

describe.for(clientKinds)("BatchCreateProfiles, through %s", { concurrent: true }, (kind) => {
  test("P3 answers in order, each profile stands for itself, and is what CreateProfile stores", async ({ clients }) => {
    const { profiles, changes } = clients[kind];
    const [a, b] = [await createAccount(clients[kind]), await createAccount(clients[kind])];
    const [ann, bob] = [await createUser(clients[kind]), await createUser(clients[kind])];
    await createProfile(clients[kind], bob.id, b.id);
    const metadata = {
      name: "n",
      description: "d",
      version: "2.0.0-rc.1",
      annotations: [{ "a/b": [1] }],
      tags: ["Blue", "BLUE"],
      isTest: true,
    };
    const entries = [
      { userId: ann.id, accountId: a.id, ...metadata },
      { userId: UNKNOWN, accountId: a.id },
      { userId: ann.id, accountId: UNKNOWN },
      { userId: bob.id, accountId: b.id },
      { accountId: a.id },
      { userId: bob.id, accountId: a.id, annotations: [{ "a b": 1 }] },
      { userId: ann.id, accountId: b.id },
    ];
    const { results, consistencyToken } = await profiles.batchCreateProfiles({ profiles: entries });
    expect(results.map(({ result }) => (result.case === "error" ? result.value.code : result.case))).toEqual([
      "profile",
      5,
      5,
      6,
      3,
      3,
      "profile",
    ]);
    const [first] = results;
    expect(first?.result.value).toMatchObject({ ...metadata, tags: ["Blue"], userId: ann.id, accountId: a.id, etag: "1" });
    const read = await profiles.getProfile({
      key: { case: "pair", value: { userId: ann.id, accountId: a.id } },
      consistency: { mode: { case: "atLeastAsFresh", value: consistencyToken } },
    });
    expect(read.profile).toEqual(first?.result.value);
    const { auditEntries } = await changes.listAuditEntries({ filter: { userId: ann.id, kinds: ["user_profile"] } });
    expect(auditEntries).toHaveLength(2);
  });

  test("P5 users become contacts in the order of the batch: the first is the primary one, also of those that share an address", async ({
    clients,
  }) => {
    const { profiles } = clients[kind];
    const [a, b] = [await createAccount(clients[kind]), await createAccount(clients[kind])];
    const email = `${unique()}@example.com`;
    const first = await createUser(clients[kind], { username: unique(), name: "First", email });
    const same = await createUser(clients[kind], { username: unique(), name: "Same", email: email.toUpperCase() });
    const nameless = await createUser(clients[kind], { username: unique(), email: "" });
    const last = await createUser(clients[kind], { name: "Last" });
    await profiles.addAccountContact({ accountId: b.id, contact: { email: "old@example.com", isPrimary: true } });
    const users = [nameless, first, same, last];
    await profiles.batchCreateProfiles({
      profiles: [a, b].flatMap(({ id: accountId }) => users.map(({ id: userId }) => ({ userId, accountId }))),
    });
    const contacts = async (accountId: bigint) =>
      (await profiles.listAccountContacts({ accountId })).contacts.map((contact) => [
        contact.email,
        contact.name,
        contact.isPrimary,
        contact.userId,
      ]);
    const mine = (isPrimary: boolean) => [
      [email, "Same", isPrimary, first.id],
      [last.email, "Last", false, last.id],
    ];
    expect(await contacts(a.id)).toEqual(mine(true));
    expect(await contacts(b.id)).toEqual(expect.arrayContaining([["old@example.com", "", true, 0n], ...mine(false)]));
  });

  test("P13 what it lets see is seen by the next check with its token", async ({ clients }) => {
    const { profiles } = clients[kind];
    const account = await createAccount(clients[kind]);
    const [staff, user] = [await createUser(clients[kind], { isStaff: true }), await createUser(clients[kind])];
    const before = await profiles.getAccessScope({ userId: staff.id, relation: Relation.READ });
    const { results, consistencyToken } = await profiles.batchCreateProfiles({
      profiles: [staff, user].map(({ id: userId }) => ({ userId, accountId: account.id })),
    });
    const owner = results[1]?.result;
    const ownerProfileId = owner?.case === "profile" ? owner.value.id : 0n;
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
    expect(
      await profiles.checkAccess({
        userId: staff.id,
        relation: Relation.OWN,
        target: { case: "ownerProfileId", value: ownerProfileId },
        consistency,
      }),
    ).toMatchObject({
      allowed: true,
    });
    expect((await profiles.getAccessScope({ userId: staff.id, relation: Relation.READ, consistency })).revision).not.toBe(before.revision);
  });

  test("a pair that stands twice, and what could not be answered, are refused before anything is stored", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const { id: userId } = await createUser(clients[kind]);
    const twice = profiles.batchCreateProfiles({
      profiles: [
        { userId, accountId },
        { userId, accountId, name: "n" },
      ],
    });
    expect((await expectRefusal(twice, "InvalidArgument", "DUPLICATE_ENTRY")).fields).toEqual(["profiles[1]"]);
    const large = Array.from({ length: 55 }, (_, index) => ({
      userId: BigInt(index + 1),
      accountId,
      annotations: [{ a: "x".repeat(60_000) }],
    }));
    expect((await expectRefusal(profiles.batchCreateProfiles({ profiles: large }), "InvalidArgument", "FIELD_INVALID")).fields).toEqual([
      "profiles",
    ]);
    await expectRefusal(profiles.batchCreateProfiles({ profiles: [] }), "InvalidArgument", "FIELD_INVALID");
    expect((await profiles.listAccountContacts({ accountId })).contacts).toEqual([]);
  });

  test("the same request_id gives the first answer", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const { id: userId } = await createUser(clients[kind]);
    const request = { profiles: [{ userId, accountId }], requestId: randomUUID() };
    const { results } = await profiles.batchCreateProfiles(request);
    expect((await profiles.batchCreateProfiles(request)).results).toEqual(results);
  });
});

test("P3 an entry with a number that JSON can't write is refused by itself", async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"]);
  const users = [await createUser(clients["grpc-js"]), await createUser(clients["grpc-js"]), await createUser(clients["grpc-js"])];
  const [ann, bob, cid] = users.map(({ id: userId }) => ({ userId, accountId }));
  const { results } = await profiles.batchCreateProfiles({
    profiles: [{ ...ann, annotations: [{ a: [Number.NaN] }] }, { ...bob }, { ...cid, annotations: [{ a: [Number.POSITIVE_INFINITY] }] }],
  });
  expect(results.map(({ result }) => (result.case === "error" ? result.value.code : result.case))).toEqual([3, "profile", 3]);
});
