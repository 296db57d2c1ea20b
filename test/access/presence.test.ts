import { describe, expect } from "vitest";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { actingAs, createAccount, createOrganization, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const PASSWORD = "correct horse battery";

/** What may become of a user; each answers with the token of its write. */
const states: Readonly<Record<string, { readonly isPresent: boolean; readonly enter: (clients: Clients, id: bigint) => Promise<string> }>> =
  {
    active: { isPresent: true, enter: async ({ users }, id) => (await users.unsuspendUser({ id })).consistencyToken },
    unclaimed: {
      isPresent: true,
      enter: async ({ users }, id) => (await users.updateUser({ user: { id, isUnclaimed: true } })).consistencyToken,
    },
    inactive: { isPresent: false, enter: async ({ users }, id) => (await users.deactivateUser({ id })).consistencyToken },
    suspended: { isPresent: false, enter: async ({ users }, id) => (await users.suspendUser({ id })).consistencyToken },
    deleted: { isPresent: false, enter: async ({ users }, id) => (await users.deleteUser({ id })).consistencyToken },
  };

/** A user with every power that a user can have, each of which its cache knows. */
const createPowerful = async (clients: Clients) => {
  const { users, organizations, profiles } = clients;
  const { id } = await createUser(clients, { isStaff: true });
  const [own, byRole, roleName] = [unique("own."), unique("role."), unique("r")];
  await users.setPassword({ userId: id, password: PASSWORD });
  await users.grantPermission({ userId: id, permission: "users.admin" });
  await users.grantPermission({ userId: id, permission: own });
  await users.createRole({ role: { name: roleName, permissions: [byRole] } });
  await users.assignRole({ userId: id, roleName });
  const organization = await createOrganization(clients, {}, id);
  const second = await createUser(clients);
  await organizations.addMember({ organizationId: organization.id, userId: second.id, role: MemberRole.OWNER });
  const account = await createAccount(clients);
  const { profile } = await profiles.createProfile({ profile: { userId: id, accountId: account.id } });
  const peer = await createUser(clients);
  await profiles.createProfile({ profile: { userId: peer.id, accountId: account.id } });
  return { id, own, byRole, organization, second, account, profileId: profile?.id ?? 0n, peer };
};

describe("who is present, check by check", { concurrent: true }, () => {
  test.for(Object.entries(states))("a user who is %s has all of its power, or none", async ([, { isPresent, enter }], { clients }) => {
    const { users, organizations, profiles } = clients["grpc-js"];
    const { id, own, byRole, organization, second, account, profileId, peer } = await createPowerful(clients["grpc-js"]);
    const check = { userId: id, relation: AccessRelation.OWN, target: { case: "ownerProfileId" as const, value: profileId } };
    const checks = [own, byRole].map((permission) => ({ userId: id, permission }));
    const before = await profiles.getAccessScope({ userId: id, relation: AccessRelation.OWN });
    expect((await profiles.checkAccess(check)).allowed).toBe(true);
    expect((await users.checkPermissions({ checks })).results.map(({ allowed }) => allowed)).toEqual([true, true]);

    const value = await enter(clients["grpc-js"], id);
    const consistency = { mode: { case: "atLeastAsFresh" as const, value } };

    expect((await users.checkPermissions({ checks, consistency })).results.map(({ allowed }) => allowed)).toEqual([isPresent, isPresent]);
    expect((await profiles.checkAccess({ ...check, consistency })).allowed).toBe(isPresent);
    const after = await profiles.getAccessScope({ userId: id, relation: AccessRelation.OWN, consistency });
    expect(after.scope.case).toBe(isPresent ? "set" : "none");
    if (!isPresent) expect(after.revision).toBeGreaterThan(before.revision);
    expect((await users.verifyPassword({ user: { case: "userId", value: id }, password: PASSWORD })).valid).toBe(isPresent);
    const { profile } = await profiles.getAccountAdmin({ accountId: account.id, consistency });
    expect(profile?.userId).toBe(isPresent ? id : peer.id);

    const acting = () => users.grantPermission({ userId: peer.id, permission: unique("p.") }, actingAs(id));
    if (isPresent) await acting();
    else await expectRefusal(acting(), "PermissionDenied", "ACTING_USER_NOT_PRESENT");

    const leave = () => organizations.removeMember({ organizationId: organization.id, member: { case: "userId", value: second.id } });
    if (isPresent) await leave();
    else {
      await expectRefusal(leave(), "FailedPrecondition", "LAST_OWNER");
      const role = { organizationId: organization.id, member: { case: "userId" as const, value: second.id }, role: MemberRole.ADMIN };
      await expectRefusal(organizations.setMemberRole(role), "FailedPrecondition", "LAST_OWNER");
    }
  });
});

describe.for(clientKinds)("who is present, through %s", { concurrent: true }, (kind) => {
  test("the organization of a suspended last owner is without an owner, until it is back", async ({ clients }) => {
    const { users, organizations } = clients[kind];
    const { id } = await createUser(clients[kind]);
    const organization = await createOrganization(clients[kind], {}, id);
    const isListed = async (): Promise<boolean> => {
      for (let pageToken = ""; ; ) {
        const page = await organizations.listOrganizations({ withoutOwner: true, pageSize: 1_000, pageToken });
        if (page.organizations.some((one) => one.id === organization.id)) return true;
        pageToken = page.nextPageToken;
        if (pageToken === "") return false;
      }
    };
    expect(await isListed()).toBe(false);
    await users.suspendUser({ id });
    expect(await isListed()).toBe(true);
    await users.unsuspendUser({ id });
    expect(await isListed()).toBe(false);
  });

  test("an account whose only user is suspended has no admin, and EnsureAccountAdmin makes one", async ({ clients }) => {
    const { users, profiles } = clients[kind];
    const account = await createAccount(clients[kind]);
    const { id } = await createUser(clients[kind], { isStaff: true });
    await profiles.createProfile({ profile: { userId: id, accountId: account.id } });
    await users.suspendUser({ id });
    await expectRefusal(profiles.getAccountAdmin({ accountId: account.id }), "NotFound", "PROFILE_NOT_FOUND");
    const { created, profile } = await profiles.ensureAccountAdmin({ accountId: account.id });
    expect(created).toBe(true);
    expect((await profiles.getAccountAdmin({ accountId: account.id })).profile?.id).toBe(profile?.id);
  });
});
