import { describe, expect } from "vitest";
import { actingAs, createOrganization, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const json = (stringValue: string) => ({ kind: { case: "stringValue" as const, value: stringValue } });

/** The two kinds of provider, as far as they are alike. */
const providers = {
  "an identity provider": {
    refused: ["PermissionDenied", "PERMISSION_REQUIRED"] as const,
    create: async ({ users }: Clients) =>
      (await users.createIdentityProvider({ provider: { type: unique("idp"), config: json("a") } })).provider,
    config: ({ users }: Clients, id: bigint, value: string, etag = "") =>
      users.updateIdentityProvider({ provider: { id, config: json(value), etag } }),
    clear: ({ users }: Clients, id: bigint) => users.updateIdentityProvider({ provider: { id }, updateMask: { paths: ["config"] } }),
    remove: ({ users }: Clients, request: { id: bigint; etag?: string; force?: boolean; validateOnly?: boolean }, options?: object) =>
      users.deleteIdentityProvider(request, options),
    link: ({ users }: Clients, userId: bigint, providerId: bigint) =>
      users.linkIdentity({ userId, providerId, externalId: String(userId) }),
    list: async ({ users }: Clients, userId: bigint) => (await users.listIdentities({ userId })).identities.length,
    kind: "identity_provider",
  },
  "an auth provider": {
    // It is another organization's, and hidden.
    refused: ["NotFound", "PROVIDER_NOT_FOUND"] as const,
    create: async (clients: Clients) => {
      const { id: organizationId } = await createOrganization(clients);
      return (await clients.users.createAuthProvider({ provider: { organizationId, provider: "saml2", config: json("a") } })).provider;
    },
    config: async ({ users }: Clients, id: bigint, value: string, etag = "") =>
      users.updateAuthProvider({ provider: { id, config: json(value), etag } }),
    clear: ({ users }: Clients, id: bigint) => users.updateAuthProvider({ provider: { id }, updateMask: { paths: ["config"] } }),
    remove: ({ users }: Clients, request: { id: bigint; etag?: string; force?: boolean; validateOnly?: boolean }, options?: object) =>
      users.deleteAuthProvider(request, options),
    link: ({ users }: Clients, userId: bigint, providerId: bigint) =>
      users.linkAuthIdentity({ userId, providerId, externalId: String(userId) }),
    list: async ({ users }: Clients, userId: bigint) => {
      const { providers: all } = await users.listAuthProviders({ pageSize: 1_000 });
      const lists = await Promise.all(all.map(({ organizationId }) => users.listAuthIdentities({ organizationId, userId })));
      return lists.flatMap(({ identities }) => identities).length;
    },
    kind: "auth_provider",
  },
} as const;

const UNKNOWN = 9_000_000_000_000n;

describe.for(clientKinds)("providers, through %s", { concurrent: true }, (kind) => {
  describe.for(Object.entries(providers))("%s", ([, provider]) => {
    test("a provider that is wrong can be changed, by its etag, and an equal change writes nothing", async ({ clients }) => {
      const made = await provider.create(clients[kind]);
      const id = made?.id ?? 0n;
      const changed = await provider.config(clients[kind], id, "b", made?.etag);
      expect(changed.provider?.config?.kind.value).toBe("b");
      expect(changed.provider?.etag).not.toBe(made?.etag);
      expect((await provider.config(clients[kind], id, "b")).provider?.etag).toBe(changed.provider?.etag);
      const { info } = await expectRefusal(provider.config(clients[kind], id, "c", made?.etag), "Aborted", "ETAG_MISMATCH");
      expect(info?.metadata["etag"]).toBe(changed.provider?.etag);
      expect((await provider.clear(clients[kind], id)).provider?.config).toBeUndefined();
      await expectRefusal(provider.config(clients[kind], UNKNOWN, "b"), "NotFound", "PROVIDER_NOT_FOUND");
      await expectRefusal(provider.config(clients[kind], 0n, "b"), "InvalidArgument", "FIELD_INVALID");
    });

    test("a provider without identities can be removed, and what was removed is not there", async ({ clients }) => {
      const made = await provider.create(clients[kind]);
      const id = made?.id ?? 0n;
      await expectRefusal(provider.remove(clients[kind], { id, etag: "77" }), "Aborted", "ETAG_MISMATCH");
      expect(await provider.remove(clients[kind], { id, validateOnly: true })).toMatchObject({ removedIdentities: 0n });
      expect(await provider.remove(clients[kind], { id, etag: made?.etag ?? "" })).toMatchObject({ removedIdentities: 0n });
      await expectRefusal(provider.remove(clients[kind], { id }), "NotFound", "PROVIDER_NOT_FOUND");
      await expectRefusal(provider.remove(clients[kind], { id: 0n }), "InvalidArgument", "FIELD_INVALID");
    });

    test("U35 a provider in use goes with force alone, needs users.admin, and never takes the last way to sign in", async ({ clients }) => {
      const { users, changes } = clients[kind];
      const id = (await provider.create(clients[kind]))?.id ?? 0n;
      const [first, second] = [await createUser(clients[kind]), await createUser(clients[kind])];
      for (const user of [first, second]) await provider.link(clients[kind], user.id, id);
      const { info } = await expectRefusal(provider.remove(clients[kind], { id }), "FailedPrecondition", "PROVIDER_IN_USE");
      expect(info?.metadata["identities"]).toBe("2");
      const forced = provider.remove(clients[kind], { id, force: true }, actingAs(first.id));
      await expectRefusal(forced, provider.refused[0], provider.refused[1]);
      await users.setPassword({ userId: first.id, password: "correct horse battery" });
      const stranding = await expectRefusal(
        provider.remove(clients[kind], { id, force: true }),
        "FailedPrecondition",
        "LAST_SIGN_IN_METHOD",
      );
      expect(stranding.info?.metadata["users"]).toBe("1");
      expect(await provider.list(clients[kind], first.id)).toBe(1);
      await users.setPassword({ userId: second.id, password: "correct horse battery" });
      expect(await provider.remove(clients[kind], { id, force: true })).toMatchObject({ removedIdentities: 2n });
      expect(await provider.list(clients[kind], second.id)).toBe(0);
      const { auditEntries } = await changes.listAuditEntries({ filter: { kinds: [provider.kind] }, pageSize: 1_000 });
      expect(auditEntries.filter(({ key }) => key === String(id)).map(({ operation }) => operation)).toHaveLength(2);
      const ofUser = await changes.listAuditEntries({ filter: { userId: second.id, kinds: ["identity", "auth_identity"] } });
      expect(ofUser.auditEntries).toHaveLength(2);
    });

    test("links that are made while their provider is removed are refused, or go with it", async ({ clients }) => {
      const id = (await provider.create(clients[kind]))?.id ?? 0n;
      const linked = await Promise.all(Array.from({ length: 3 }, () => createUser(clients[kind], { isManaged: false })));
      await Promise.all(linked.map((user) => clients[kind].users.setPassword({ userId: user.id, password: "correct horse battery" })));
      const [removed, ...links] = await Promise.allSettled([
        provider.remove(clients[kind], { id, force: true }),
        ...linked.map((user) => provider.link(clients[kind], user.id, id)),
      ]);
      expect(removed?.status).toBe("fulfilled");
      for (const link of links.filter(({ status }) => status === "rejected")) {
        await expectRefusal(Promise.reject((link as PromiseRejectedResult).reason), "NotFound", "PROVIDER_NOT_FOUND");
      }
      for (const user of linked) expect(await provider.list(clients[kind], user.id)).toBe(0);
    });
  });

  test("the names of identity providers stay unique, and the organization of an auth provider stays", async ({ clients }) => {
    const { users } = clients[kind];
    const [one, other] = [
      await providers["an identity provider"].create(clients[kind]),
      await providers["an identity provider"].create(clients[kind]),
    ];
    const taken = users.updateIdentityProvider({ provider: { id: one?.id ?? 0n, type: other?.type ?? "" } });
    await expectRefusal(taken, "AlreadyExists", "PROVIDER_TAKEN");
    const renamed = await users.updateIdentityProvider({
      provider: { id: one?.id ?? 0n, type: other?.type ?? "", externalId: "workspace" },
    });
    expect(renamed.provider).toMatchObject({ type: other?.type, externalId: "workspace" });
    const made = await providers["an auth provider"].create(clients[kind]);
    const id = made?.id ?? 0n;
    const moved = users.updateAuthProvider({ provider: { id, provider: "saml2", organizationId: (made?.organizationId ?? 0n) + 1n } });
    await expectRefusal(moved, "FailedPrecondition", "IMMUTABLE_FIELD");
    const organizationId = made?.organizationId ?? 0n;
    const { provider } = await users.updateAuthProvider({
      provider: { id, organizationId, provider: "oidc", defaultRole: 2, allowUnlinked: true, scimEnabled: true, defaultGlobalAccess: true },
    });
    expect(provider).toMatchObject({ provider: "oidc", defaultRole: 2, allowUnlinked: true, scimEnabled: true, defaultGlobalAccess: true });
    const back = await users.updateAuthProvider({ provider: { id }, updateMask: { paths: ["scim_enabled", "default_role"] } });
    expect(back.provider).toMatchObject({ provider: "oidc", allowUnlinked: true, scimEnabled: false });
    expect(back.provider?.defaultRole).toBeUndefined();
  });
});
