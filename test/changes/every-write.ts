import { tokenOf } from "../../src/contract/kinds/kind.ts";
import { standardMethods } from "../../src/contract/kinds/methods.ts";
import { AuthenticatorType } from "../../src/gen/userd/v1/authenticator_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { AvatarType } from "../../src/gen/userd/v1/user_pb.ts";
import { DeleteProfileMode } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { type Maker, makerOf, removeRoot, type Shown } from "../kinds/maker.ts";
import {
  addVerifiedEmail,
  createAccount,
  createOrganization,
  createProfile,
  createProject,
  createTeam,
  createUser,
  unique,
  value,
} from "../support/build.ts";
import type { Clients } from "../support/clients.ts";

const writeUsers = async (own: Clients): Promise<void> => {
  const { users } = own;
  const { id: userId } = await createUser(own);
  const email = await addVerifiedEmail(own, userId);
  const another = `${unique("m-")}@example.com`;
  await users.addUserEmail({ userId, email: another });
  await users.markEmailVerified({ userId, email: another });
  await users.setPrimaryEmail({ userId, email });
  await users.removeUserEmail({ userId, email: another });
  await users.getOrCreateUserByEmail({ email: `${unique("g-")}@example.com`, emailVerified: true });
  await users.importUsers(
    (async function* () {
      yield { user: { id: 900_000_001n, username: unique("i-") } };
    })(),
  );
  await users.setPassword({ userId, password: "correct horse" });
  await users.verifyPassword({ user: { case: "userId", value: userId }, password: "correct horse" });
  const { token } = await users.createPasswordReset({ userId });
  await users.resetPassword({ token, password: "battery staple" });
  await users.rotateSessionNonce({ userId });
  await users.grantPermission({ userId, permission: "a.b" });
  await users.revokePermission({ userId, permission: "a.b" });
  const role = { name: unique("role-"), permissions: ["c.d"] };
  await users.createRole({ role });
  await users.assignRole({ userId, roleName: role.name });
  await users.unassignRole({ userId, roleName: role.name });
  await users.assignRole({ userId, roleName: role.name });
  await users.deleteRole({ name: role.name });
  const { provider } = await users.createIdentityProvider({ provider: { type: unique("p") } });
  const identity = { userId, providerId: provider?.id ?? 0n };
  await users.linkIdentity({ ...identity, externalId: unique() });
  await users.unlinkIdentity(identity);
  await users.linkIdentity({ ...identity, externalId: unique() });
  await users.deleteIdentityProvider({ id: identity.providerId, force: true });
  const { id: organizationId } = await createOrganization(own);
  const { provider: authProvider } = await users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
  const authIdentity = { userId, providerId: authProvider?.id ?? 0n };
  await users.linkAuthIdentity({ ...authIdentity, externalId: unique() });
  await users.unlinkAuthIdentity(authIdentity);
  await users.linkAuthIdentity({ ...authIdentity, externalId: unique() });
  await users.deleteAuthProvider({ id: authIdentity.providerId, force: true });
  await users.addAuthenticator({ userId, type: AuthenticatorType.TOTP, config: value("x") });
  await users.removeAuthenticator({ userId, type: AuthenticatorType.TOTP });
  await users.suspendUser({ id: userId });
  await users.unsuspendUser({ id: userId });
  await users.deactivateUser({ id: userId });
  await users.reactivateUser({ id: userId });
  await users.setAvatar({ userId, type: AvatarType.GRAVATAR });
  await users.recordActivity({ userId, ip: "203.0.113.77" });
  await users.setUserHold({ userId, reason: "case 7" });
  await users.setUserHold({ userId });
  await users.deleteUser({ id: userId });
  await users.undeleteUser({ id: userId });
  await users.deleteUser({ id: userId });
  await users.purgeUser({ id: userId, allowOwnerless: true });
};

const writeOptions = async ({ options, ...own }: Clients): Promise<void> => {
  const { id: userId } = await createUser({ options, ...own });
  const at = { userId, key: "theme" };
  await options.setOption({ ...at, value: value("light") });
  const { revisions } = await options.listOptionRevisions(at);
  await options.setOption({ ...at, value: value("dark") });
  await options.restoreOption({ ...at, revisionId: revisions[0]?.revisionId ?? 0n });
  await options.deleteOption(at);
  await options.batchSetOptions({ entries: [{ ...at, value: value(1) }] });
  await options.applyOptionChanges({ userId, changes: [{ change: { case: "set", value: { key: "layout", value: value(2) } } }] });
  for (const target of [
    { case: "globalScope" as const, value: {} },
    { case: "organizationId" as const, value: 4_711n },
  ]) {
    await options.setScopeOption({ target, key: "theme", value: value("blue") });
    await options.deleteScopeOption({ target, key: "theme" });
  }
};

const writeOrganizations = async (own: Clients): Promise<void> => {
  const { organizations } = own;
  const [owner, user] = [await createUser(own), await createUser(own)];
  const { id: organizationId } = await createOrganization(own, {}, owner.id);
  const [team, project] = [await createTeam(own, organizationId), await createProject(own, organizationId)];
  const member = { case: "userId", value: user.id } as const;
  await organizations.addMember({ organizationId, userId: user.id, role: MemberRole.MEMBER });
  await organizations.setMemberRole({ organizationId, member, role: MemberRole.ADMIN });
  await organizations.addTeamMember({ teamId: team.id, member });
  await organizations.removeTeamMember({ teamId: team.id, member });
  await organizations.addTeamMember({ teamId: team.id, member });
  await organizations.addProjectTeam({ projectId: project.id, teamId: team.id });
  await organizations.removeProjectTeam({ projectId: project.id, teamId: team.id });
  await organizations.addProjectTeam({ projectId: project.id, teamId: team.id });
  await organizations.removeMember({ organizationId, member });
  const email = `${unique("invited-")}@example.com`;
  const { member: invited } = await organizations.inviteMember({ organizationId, email, role: MemberRole.MEMBER });
  await organizations.resendInvitation({ organizationId, memberId: invited?.id ?? 0n });
  // A verified address accepts the invitation.
  await addVerifiedEmail(own, user.id, email);
  const { id: teamId } = team;
  await organizations.deleteTeam({ id: teamId });
  await organizations.undeleteTeam({ id: teamId });
  await organizations.purgeTeam({ id: teamId });
  await organizations.deleteProject({ id: project.id });
  await organizations.undeleteProject({ id: project.id });
  await organizations.purgeProject({ id: project.id });
  const [late] = [await createTeam(own, organizationId), await createProject(own, organizationId)];
  await organizations.addTeamMember({ teamId: late.id, member: { case: "userId", value: owner.id } });
  await organizations.deleteOrganization({ id: organizationId });
  await organizations.undeleteOrganization({ id: organizationId });
  await organizations.deleteOrganization({ id: organizationId });
  await organizations.purgeOrganization({ id: organizationId });
};

const writeProfiles = async (own: Clients): Promise<void> => {
  const { profiles } = own;
  const { id: accountId } = await createAccount(own);
  await profiles.ensureAccountAdmin({ accountId });
  const [from, to] = [
    await createProfile(own, (await createUser(own)).id, accountId),
    await createProfile(own, (await createUser(own)).id, accountId),
  ];
  const email = `${unique("c-")}@example.com`;
  await profiles.addAccountContact({ accountId, contact: { email } });
  await profiles.setPrimaryContact({ accountId, email });
  await profiles.removeAccountContact({ accountId, email });
  const keys = ["a", "b", "c"].map((name) => ({ kind: "page", ownerProfileId: from.id, name }));
  const refs = keys.map((key) => ({ ref: { case: "key" as const, value: key } }));
  await profiles.registerResources({ resources: keys });
  await profiles.transferResources({ transfers: refs.slice(0, 1).map((resource) => ({ resource, toProfileId: to.id })) });
  await profiles.unregisterResources({ resources: refs.slice(1, 2) });
  await profiles.deleteProfile({ id: from.id, mode: DeleteProfileMode.TRANSFER, transferToProfileId: to.id });
  await profiles.deleteProfile({ id: to.id, mode: DeleteProfileMode.CASCADE });
  const last = await createProfile(own, (await createUser(own)).id, accountId);
  await profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: last.id, name: "a" }] });
  await profiles.addAccountContact({ accountId, contact: { email } });
  await profiles.purgeAccount({ id: accountId });
};

/** A user with something of everything that a merge moves. */
const createMergeable = async (own: Clients, organizationId: bigint): Promise<bigint> => {
  const { id: userId } = await createUser(own);
  await addVerifiedEmail(own, userId);
  await own.organizations.addMember({ organizationId, userId, role: MemberRole.MEMBER });
  await own.users.grantPermission({ userId, permission: "a.b" });
  await own.options.setOption({ userId, key: "note", value: value(unique()) });
  await own.options.setOption({ userId, key: unique("k"), value: value(1) });
  await createProfile(own, userId, (await createAccount(own)).id);
  return userId;
};

const writeMerges = async (own: Clients): Promise<void> => {
  const { users } = own;
  const { id: organizationId } = await createOrganization(own);
  const pair = { fromUserId: await createMergeable(own, organizationId), toUserId: await createMergeable(own, organizationId) };
  const merge = async () => users.mergeUsers({ ...pair, planEtag: (await users.planUserMerge(pair)).plan?.etag ?? "" });
  await merge();
  await users.undoUserMerge(pair);
  await merge();
  const { discards } = await users.listMergeDiscards(pair);
  for (const { id } of discards.slice(0, 1)) await users.restoreMergeDiscard({ fromUserId: pair.fromUserId, discardId: id });
  await users.purgeUser({ id: pair.toUserId });
};

const writeKind = async (own: Clients, { call, kind, organizationId, field, valid, create }: Maker): Promise<void> => {
  if (kind.isLarge) return;
  const verbs = new Set(standardMethods(kind).map(([verb]) => verb));
  const token = tokenOf(kind);
  // A token that has ended is not verified.
  const fields = Object.fromEntries((token?.token.ends ?? []).map(({ field: end }) => [end.localName, undefined]));
  const active = token?.token.active;
  const sent = await valid({ ...fields, ...(active !== undefined && { [active.field.localName]: true }) });
  const created = (await call("Create", { [field]: sent }))[field] as Shown;
  const { id } = created;
  if (verbs.has("Reveal")) await call("Reveal", { id });
  if (token !== undefined) await call("Verify", { [token.field.localName]: created[token.field.localName] });
  if (verbs.has("Transfer")) {
    const to = await createProfile(own, (await createUser(own)).id, (await createAccount(own)).id);
    await call("Transfer", { id, toProfileId: to.id });
  }
  await call("Delete", { id });
  if (verbs.has("Undelete")) {
    await call("Undelete", { id });
    await call("Delete", { id });
    await call("Purge", { id });
  }
  await create();
  // With what it belongs to.
  await removeRoot(own, kind, organizationId);
};

/** Makes each write that `resources` of test/contract/world.ts has not: deletions, links, members, merges and purges. */
export const makeEveryWrite = async (own: Clients): Promise<void> => {
  await writeUsers(own);
  await writeOptions(own);
  await writeOrganizations(own);
  await writeProfiles(own);
  await writeMerges(own);
  for (const kind of own.kinds) await writeKind(own, await makerOf(own, kind));
};
