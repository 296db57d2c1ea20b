import { describe, expect } from "vitest";
import { IdentityStatus } from "../../src/gen/userd/v1/identity_pb.ts";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { createUser, unique, uniqueId, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const UNKNOWN = 9_000_000_000_000n;

const createProvider = async ({ users }: Clients, fields = {}) => {
  const { provider } = await users.createIdentityProvider({ provider: { type: "github", externalId: unique(), ...fields } });
  return provider?.id ?? 0n;
};

const createAuthProvider = async ({ users }: Clients) => {
  const organizationId = uniqueId();
  const { provider } = await users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
  return { organizationId, providerId: provider?.id ?? 0n };
};

const idOf = async (clients: Clients) => {
  const { id } = await createUser(clients);
  await clients.users.setPassword({ userId: id, password: "x" });
  return id;
};

describe.for(clientKinds)("identities, through %s", (kind) => {
  test("a provider is one of its type; a list of a type has them by id", async ({ clients }) => {
    const { users } = clients[kind];
    const type = unique("type");
    const config = value({ client: "id" });
    const { provider } = await users.createIdentityProvider({ provider: { type, externalId: "one", config } });
    expect(provider).toMatchObject({ type, externalId: "one", config });
    await expectRefusal(users.createIdentityProvider({ provider: { type, externalId: "one" } }), "AlreadyExists", "PROVIDER_TAKEN");
    await users.createIdentityProvider({ provider: { type, externalId: "two" } });
    const first = await users.listIdentityProviders({ type, pageSize: 1 });
    const second = await users.listIdentityProviders({ type, pageSize: 1, pageToken: first.nextPageToken });
    expect([...first.providers, ...second.providers].map(({ externalId }) => externalId)).toEqual(["one", "two"]);
    expect(second.nextPageToken).toBe("");
    await expectRefusal(users.createIdentityProvider({ provider: {} }), "InvalidArgument", "FIELD_INVALID");
  });

  test("an identity has scopes and a status: linking makes it valid, and without scopes keeps those that are there", async ({
    clients,
  }) => {
    const { users } = clients[kind];
    const providerId = await createProvider(clients[kind]);
    const userId = await idOf(clients[kind]);
    const scopes = ["identity.basic", "team:read"];
    const link = (fields: object = {}) => users.linkIdentity({ userId, providerId, externalId: "a", ...fields });
    const linked = { scopes, status: IdentityStatus.VALID };
    expect((await link({ scopes })).identity).toMatchObject(linked);
    expect((await link()).identity).toMatchObject(linked);
    expect((await users.listIdentities({ userId })).identities).toMatchObject([linked]);
    expect((await link({ scopes: ["other"] })).identity?.scopes).toEqual(["other"]);
    for (const bad of [[""], ["x".repeat(201)], Array.from({ length: 101 }, (_, index) => `s${index}`)]) {
      await expectRefusal(link({ scopes: bad }), "InvalidArgument", "FIELD_INVALID");
    }
  });

  test("the provider of an organization says what new members get", async ({ clients }) => {
    const { users } = clients[kind];
    const organizationId = uniqueId();
    const given = { organizationId, provider: "saml2", defaultRole: 50, defaultGlobalAccess: true, allowUnlinked: true, scimEnabled: true };
    expect((await users.createAuthProvider({ provider: given })).provider).toMatchObject(given);
    expect((await users.listAuthProviders({ organizationId })).providers).toMatchObject([given]);
    const plain = { organizationId: uniqueId(), provider: "saml2" };
    const { provider } = await users.createAuthProvider({ provider: plain });
    expect(provider).toMatchObject({ ...plain, defaultGlobalAccess: false, allowUnlinked: false, scimEnabled: false });
    expect(provider?.defaultRole).toBeUndefined();
    await expectRefusal(users.createAuthProvider({ provider: { ...plain, defaultRole: -1 } }), "InvalidArgument", "FIELD_INVALID");
  });

  test("U34 a user has one identity of a provider, and an external id one user", async ({ clients }) => {
    const { users } = clients[kind];
    const providerId = await createProvider(clients[kind]);
    const [first, second] = [await idOf(clients[kind]), await idOf(clients[kind])];
    const data = value({ token: "secret" });
    const { identity } = await users.linkIdentity({ userId: first, providerId, externalId: "a", data });
    expect(identity).toMatchObject({ userId: first, providerId, externalId: "a", data });
    await expectRefusal(users.linkIdentity({ userId: second, providerId, externalId: "a" }), "AlreadyExists", "IDENTITY_TAKEN");
    await expectRefusal(users.linkIdentity({ userId: first, providerId, externalId: "b" }), "AlreadyExists", "IDENTITY_TAKEN");
    expect((await users.linkIdentity({ userId: first, providerId, externalId: "a" })).identity?.data).toEqual(data);
    const again = await users.linkIdentity({ userId: first, providerId, externalId: "a", data: value([1]) });
    expect(again.identity).toMatchObject({ data: value([1]), dateAdded: identity?.dateAdded });
    expect((await users.listIdentities({ userId: first })).identities).toEqual([again.identity]);
    expect((await users.listIdentities({ userId: second })).identities).toEqual([]);
    await expectRefusal(users.linkIdentity({ userId: UNKNOWN, providerId, externalId: "c" }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(users.linkIdentity({ userId: first, providerId: UNKNOWN, externalId: "c" }), "NotFound", "PROVIDER_NOT_FOUND");
    await expectRefusal(users.listIdentities({ userId: UNKNOWN }), "NotFound", "USER_NOT_FOUND");
  });

  test("U34 with reattach the old links go and the new one stands", async ({ clients }) => {
    const { users } = clients[kind];
    const providerId = await createProvider(clients[kind]);
    const [first, second] = [await idOf(clients[kind]), await idOf(clients[kind])];
    await users.linkIdentity({ userId: first, providerId, externalId: "a" });
    await users.linkIdentity({ userId: second, providerId, externalId: "b" });
    await users.linkIdentity({ userId: second, providerId, externalId: "a", reattach: true });
    expect((await users.listIdentities({ userId: first })).identities).toEqual([]);
    expect((await users.listIdentities({ userId: second })).identities).toMatchObject([{ externalId: "a" }]);
  });

  test("U12 a user is found by its identity, as often as it is asked for", async ({ clients }) => {
    const { users } = clients[kind];
    const providerId = await createProvider(clients[kind]);
    const id = await idOf(clients[kind]);
    await users.linkIdentity({ userId: id, providerId, externalId: "Ünï" });
    const key = (externalId: string) => ({ key: { case: "identity" as const, value: { providerId, externalId } } });
    const { results } = await users.lookupUsers({ keys: [key("Ünï"), key("ünï"), key("Ünï")] });
    const { FOUND, NOT_FOUND } = LookupStatus;
    expect(results.map(({ status }) => status)).toEqual([FOUND, NOT_FOUND, FOUND]);
    expect(results[0]?.user?.id).toBe(id);
  });

  test("U35 the last way to sign in can't be unlinked", async ({ clients }) => {
    const { users } = clients[kind];
    const providerId = await createProvider(clients[kind]);
    const { id: userId } = await createUser(clients[kind]);
    await users.linkIdentity({ userId, providerId, externalId: "a" });
    await expectRefusal(users.unlinkIdentity({ userId, providerId }), "FailedPrecondition", "LAST_SIGN_IN_METHOD");
    const { providerId: authProvider } = await createAuthProvider(clients[kind]);
    await users.linkAuthIdentity({ userId, providerId: authProvider, externalId: "a" });
    await users.unlinkIdentity({ userId, providerId });
    const last = users.unlinkAuthIdentity({ userId, providerId: authProvider });
    await expectRefusal(last, "FailedPrecondition", "LAST_SIGN_IN_METHOD");
    await users.setPassword({ userId, password: "x" });
    await users.unlinkAuthIdentity({ userId, providerId: authProvider });
    await expectRefusal(users.unlinkIdentity({ userId, providerId }), "NotFound", "IDENTITY_NOT_FOUND");
  });

  test("U34 an organization has one provider, whose identities are listed by user", async ({ clients }) => {
    const { users } = clients[kind];
    const { organizationId, providerId } = await createAuthProvider(clients[kind]);
    const other = users.createAuthProvider({ provider: { organizationId, provider: "google" } });
    await expectRefusal(other, "AlreadyExists", "PROVIDER_TAKEN");
    expect((await users.listAuthProviders({ organizationId })).providers).toMatchObject([{ id: providerId, provider: "saml2" }]);
    const ids = [await idOf(clients[kind]), await idOf(clients[kind]), await idOf(clients[kind])];
    const [first = 0n, second = 0n] = ids;
    for (const userId of ids) await users.linkAuthIdentity({ userId, providerId, externalId: `e${userId}` });
    const taken = users.linkAuthIdentity({ userId: second, providerId, externalId: `e${first}` });
    await expectRefusal(taken, "AlreadyExists", "IDENTITY_TAKEN");
    const page = await users.listAuthIdentities({ organizationId, pageSize: 2 });
    const rest = await users.listAuthIdentities({ organizationId, pageSize: 2, pageToken: page.nextPageToken });
    expect([...page.identities, ...rest.identities].map(({ userId }) => userId)).toEqual(ids);
    const mine = await users.listAuthIdentities({ organizationId, userId: second });
    expect(mine.identities).toMatchObject([{ userId: second, externalId: `e${second}` }]);
    expect((await users.listAuthIdentities({ organizationId: UNKNOWN })).identities).toEqual([]);
    await expectRefusal(users.linkAuthIdentity({ userId: first, providerId: UNKNOWN, externalId: "x" }), "NotFound", "PROVIDER_NOT_FOUND");
  });
});

test("U34 of users that link one external id at once, one has it", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const providerId = await createProvider(clients["grpc-js"]);
  const ids = await Promise.all(Array.from({ length: 5 }, async () => (await createUser(clients["grpc-js"])).id));
  const calls = await Promise.allSettled(ids.map((userId) => users.linkIdentity({ userId, providerId, externalId: "raced" })));
  expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const call of calls)
    if (call.status === "rejected") await expectRefusal(Promise.reject(call.reason), "AlreadyExists", "IDENTITY_TAKEN");
});

test("U34 links that are reattached at once all succeed, and the last of each external id stands", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const providerId = await createProvider(clients["grpc-js"]);
  const ids = await Promise.all(Array.from({ length: 3 }, async () => (await createUser(clients["grpc-js"])).id));
  const links = ids.flatMap((userId) => ["a", "b"].map((externalId) => ({ userId, providerId, externalId, reattach: true })));
  await Promise.all(links.map((link) => users.linkIdentity(link)));
  const linked = (await Promise.all(ids.map((userId) => users.listIdentities({ userId })))).flatMap(({ identities }) => identities);
  const externalIds = linked.map(({ externalId }) => externalId);
  expect(externalIds).toHaveLength(new Set(externalIds).size);
  expect(externalIds.length).toBeGreaterThan(0);
});

test("no identity of a deleted user can be written, and look-ups by it say DELETED", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const providerId = await createProvider(clients["grpc-js"]);
  const userId = await idOf(clients["grpc-js"]);
  await users.linkIdentity({ userId, providerId, externalId: "a" });
  await users.deleteUser({ id: userId });
  const writes = [
    users.linkIdentity({ userId, providerId, externalId: "a" }),
    users.unlinkIdentity({ userId, providerId }),
    users.linkAuthIdentity({ userId, providerId, externalId: "a" }),
    users.unlinkAuthIdentity({ userId, providerId }),
  ];
  await Promise.all(writes.map((call) => expectRefusal(call, "FailedPrecondition", "USER_DELETED")));
  const keys = [
    { key: { case: "identity" as const, value: { providerId, externalId: "a" } } },
    { key: { case: "id" as const, value: userId } },
  ];
  const { results } = await users.lookupUsers({ keys });
  expect(results).toMatchObject([
    { status: LookupStatus.DELETED, userIds: [userId] },
    { status: LookupStatus.FOUND, user: { id: userId, deleteTime: {} } },
  ]);
});
