import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { AvatarType } from "../../src/gen/userd/v1/user_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { serviceWith } from "../options/service-with.ts";
import { addVerifiedEmail, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

/** The system user, and what calls about it need; its username is its address, so that a new one would rename it. */
type Given = Pick<Clients, "users"> & {
  readonly id: bigint;
  readonly userId: bigint;
  readonly email: string;
  readonly verified: string;
  readonly providerId: bigint;
  readonly authProviderId: bigint;
  readonly roleName: string;
};
type Calls = (given: Given) => readonly Promise<unknown>[];
type WriteName = keyof typeof UserService.method;

const permission = "broadcasts.admin";
const password = "correct horse battery staple";

/** What would delete, deactivate, rename or purge it. */
const refused: Partial<Record<WriteName, Calls>> = {
  deleteUser: ({ users, id }) => [users.deleteUser({ id }), users.deleteUser({ id, validateOnly: true })],
  purgeUser: ({ users, id }) => [users.purgeUser({ id }), users.purgeUser({ id, validateOnly: true })],
  deactivateUser: ({ users, id }) => [users.deactivateUser({ id })],
  suspendUser: ({ users, id }) => [users.suspendUser({ id })],
  updateUser: ({ users, id }) => [
    users.updateUser({ user: { id, isActive: false } }),
    users.updateUser({ user: { id, username: unique("n") } }),
    users.updateUser({ user: { id, username: unique("n"), name: "inside a larger mask" }, updateMask: { paths: ["username", "name"] } }),
  ],
  setPrimaryEmail: ({ users, userId, verified }) => [users.setPrimaryEmail({ userId, email: verified })],
};

/** What leaves it what it is, in an order in which each succeeds. */
const allowed: Partial<Record<WriteName, Calls>> = {
  reactivateUser: ({ users, id }) => [users.reactivateUser({ id })],
  unsuspendUser: ({ users, id }) => [users.unsuspendUser({ id })],
  undeleteUser: ({ users, id }) => [users.undeleteUser({ id })],
  updateUser: ({ users, id, email }) => [users.updateUser({ user: { id, name: "System", username: email.toUpperCase() } })],
  setPrimaryEmail: ({ users, userId, email }) => [users.setPrimaryEmail({ userId, email })],
  addUserEmail: ({ users, userId }) => [users.addUserEmail({ userId, email: `${unique()}@example.com` })],
  createEmailVerification: ({ users, userId, verified }) => [users.createEmailVerification({ userId, email: verified })],
  removeUserEmail: ({ users, userId, verified }) => [users.removeUserEmail({ userId, email: verified })],
  setPassword: ({ users, userId }) => [users.setPassword({ userId, password })],
  verifyPassword: ({ users, userId }) => [users.verifyPassword({ user: { case: "userId", value: userId }, password })],
  createPasswordReset: ({ users, userId }) => [users.createPasswordReset({ userId })],
  rotateSessionNonce: ({ users, userId }) => [users.rotateSessionNonce({ userId })],
  grantPermission: ({ users, userId }) => [users.grantPermission({ userId, permission })],
  revokePermission: ({ users, userId }) => [users.revokePermission({ userId, permission })],
  assignRole: ({ users, userId, roleName }) => [users.assignRole({ userId, roleName })],
  unassignRole: ({ users, userId, roleName }) => [users.unassignRole({ userId, roleName })],
  linkIdentity: ({ users, userId, providerId }) => [users.linkIdentity({ userId, providerId, externalId: "x" })],
  unlinkIdentity: ({ users, userId, providerId }) => [users.unlinkIdentity({ userId, providerId })],
  linkAuthIdentity: ({ users, userId, authProviderId }) => [
    users.linkAuthIdentity({ userId, providerId: authProviderId, externalId: "x" }),
  ],
  unlinkAuthIdentity: ({ users, userId, authProviderId }) => [users.unlinkAuthIdentity({ userId, providerId: authProviderId })],
  addAuthenticator: ({ users, userId }) => [users.addAuthenticator({ userId, type: 1 })],
  removeAuthenticator: ({ users, userId }) => [users.removeAuthenticator({ userId, type: 1 })],
  markEmailVerified: ({ users, userId, email }) => [users.markEmailVerified({ userId, email })],
  setAvatar: ({ users, userId }) => [users.setAvatar({ userId, type: AvatarType.GRAVATAR })],
  recordActivity: ({ users, userId }) => [users.recordActivity({ userId })],
  setUserHold: ({ users, userId }) => [users.setUserHold({ userId, reason: "case 7" })],
};

/** Writes that name a user by its id, in the request or in the user that the request holds; new users have none yet. */
const writesOfUsers = Object.values(UserService.method)
  .filter(({ idempotency }) => idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS)
  .filter(({ input, localName }) => localName === "updateUser" || input.fields.some(({ name }) => ["id", "user_id"].includes(name)))
  // The id of these is a provider's.
  .filter(({ localName }) => !/^delete\w+Provider$/.test(localName))
  .map(({ localName }) => localName)
  .sort();

test("U39 every write that names a user by its id refuses the system user, or leaves it what it is", async ({
  databaseUrl,
  service: _,
}) => {
  const email = `${unique("system-")}@example.com`;
  await using own = await serviceWith(databaseUrl, { SYSTEM_USERNAME: email.toUpperCase() });
  const { users } = own;
  const { id } = await createUser(own, { email });
  const roleName = unique("role ");
  await users.createRole({ role: { name: roleName } });
  const { provider } = await users.createIdentityProvider({ provider: { type: unique() } });
  const { provider: authProvider } = await users.createAuthProvider({ provider: { organizationId: id, provider: "saml2" } });
  const verified = await addVerifiedEmail(own, id);
  const ids = { id, userId: id, providerId: provider?.id ?? 0n, authProviderId: authProvider?.id ?? 0n };
  const given: Given = { users, ...ids, email, verified, roleName };
  expect([...new Set([...Object.keys(refused), ...Object.keys(allowed)])].sort()).toEqual(writesOfUsers);

  for (const calls of Object.values(refused)) {
    await Promise.all(calls(given).map((call) => expectRefusal(call, "FailedPrecondition", "SYSTEM_USER")));
  }
  for (const calls of Object.values(allowed)) await Promise.all(calls(given));
  const { user } = await users.getUser({ id });
  expect(user).toMatchObject({ username: email.toUpperCase(), email, isActive: true, isSuspended: false });
  expect(user?.deleteTime).toBeUndefined();
});

test("U39 U20 nobody takes the system user's username by verifying it as an address", async ({ databaseUrl, service: _ }) => {
  const username = `${unique("system-")}@example.com`;
  await using own = await serviceWith(databaseUrl, { SYSTEM_USERNAME: username });
  await createUser(own, { username, email: `${unique()}@example.com` });
  const taken = own.users.getOrCreateUserByEmail({ email: username, emailVerified: true });
  await expectRefusal(taken, "FailedPrecondition", "SYSTEM_USER");
});
