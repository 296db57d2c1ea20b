import { clone, create, setExtension } from "@bufbuild/protobuf";
import { MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { actingRulesOf, isForOneUser } from "../../src/contract/acting.ts";
import { AccessRule } from "../../src/gen/userd/v1/access_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { ActingNeed, ActingRuleSchema, acting } from "../../src/gen/userd/v1/options_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { permissions } from "../../src/permissions.ts";
import { prepareRpcs } from "../../src/server/rpc.ts";
import { methods } from "../contract/methods.ts";
import { serviceWith } from "../options/service-with.ts";
import { statementsOf } from "../options/statements.ts";
import { bearing, sha256, writeCallersFile } from "../server/callers/callers-file.ts";
import { actingAs, createAccount, createOrganization, createProfile, createProject, createUser, unique, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

const MISSING = 9_000_000_000_000n;
const refused = (call: Promise<unknown>) => expectRefusal(call, "PermissionDenied", "PERMISSION_REQUIRED");

/** A user with the flags and permissions that are given. */
const userWith = async (client: Clients, flags: { isStaff?: boolean; isSuperuser?: boolean } = {}, permissions: readonly string[] = []) => {
  const { id } = await createUser(client, flags);
  for (const permission of permissions) await client.users.grantPermission({ userId: id, permission });
  return id;
};

test("nobody gets at the credentials of a user with more power, and equals do", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { users } = client;
  const admin = await userWith(client, {}, ["users.admin"]);
  const superuser = await userWith(client, { isSuperuser: true });
  const stronger = await userWith(client, { isSuperuser: true }, ["a.b"]);
  const staff = await userWith(client, { isStaff: true });
  const plain = await userWith(client);
  const tries = (userId: bigint, actor: bigint) => [
    () => users.setPassword({ userId, password: "correct horse battery" }, actingAs(actor)),
    () => users.createPasswordReset({ userId }, actingAs(actor)),
    () => users.addUserEmail({ userId, email: `${unique()}@example.com` }, actingAs(actor)),
    () => users.updateUser({ user: { id: userId, username: unique() } }, actingAs(actor)),
  ];
  for (const [actor, target, may] of [
    [admin, stronger, true],
    [superuser, staff, true],
    [superuser, plain, true],
    [superuser, stronger, false],
    [superuser, admin, false],
    [stronger, superuser, true],
    [staff, plain, false],
    [plain, plain, true],
  ] as const)
    for (const call of tries(target, actor)) await (may ? call() : refused(call()));
});

test("a caller without users.admin gets at no credentials of who has power, but for that user itself", async ({ clients, databaseUrl }) => {
  const client = clients["grpc-js"];
  const token_sha256 = sha256("writer");
  const writing = ["users.read", "users.write", "credentials.use"];
  const file = writeCallersFile({ callers: [{ name: "writer", token_sha256, permissions: writing }] });
  await using own = await serviceWith(databaseUrl, { TOKEN_FILE: file });
  const { users } = own;
  const as = bearing("writer");
  const provider = await client.users.createIdentityProvider({ provider: { type: unique("idp") } });
  const providerId = provider.provider?.id ?? 0n;
  const staff = await userWith(client, { isStaff: true });
  const granted = await userWith(client, {}, ["a.b"]);
  const plain = await userWith(client);
  const externalId = unique();
  await client.users.linkIdentity({ userId: staff, providerId, externalId });
  const tries = (userId: bigint, options: object) => [
    () => users.setPassword({ userId, password: "correct horse battery" }, options),
    () => users.createPasswordReset({ userId }, options),
    () => users.addUserEmail({ userId, email: `${unique()}@example.com` }, options),
    () => users.linkIdentity({ userId, providerId, externalId: unique(), reattach: true }, options),
    () => users.updateUser({ user: { id: userId, username: unique() } }, options),
    () => users.addAuthenticator({ userId, type: 2 }, options),
  ];
  for (const userId of [staff, granted]) for (const call of tries(userId, as)) await refused(call());
  for (const call of tries(plain, as)) await call();
  const itself = { headers: { ...as.headers, "x-acting-user-id": String(staff) } };
  await users.setPassword({ userId: staff, password: "correct horse battery" }, itself);
  await refused(users.linkIdentity({ userId: plain, providerId, externalId, reattach: true }, as));
  expect((await client.users.listIdentities({ userId: staff })).identities).toHaveLength(1);
  // What decides nothing about signing in needs no more than before.
  await users.updateUser({ user: { id: staff, name: "still" } }, as);
});

test("an external id is not taken from another user, and the last way to sign in from nobody", async ({ clients, databaseUrl }) => {
  const client = clients["grpc-js"];
  const { provider } = await client.users.createIdentityProvider({ provider: { type: unique("idp") } });
  const providerId = provider?.id ?? 0n;
  const [holder, thief] = [await userWith(client), await userWith(client)];
  const externalId = unique();
  await client.users.linkIdentity({ userId: holder, providerId, externalId });
  await refused(client.users.linkIdentity({ userId: thief, providerId, externalId, reattach: true }, actingAs(thief)));
  await refused(client.users.linkIdentity({ userId: holder, providerId, externalId }, actingAs(thief)));
  const writing = ["users.write"];
  const file = writeCallersFile({ callers: [{ name: "writer", token_sha256: sha256("writer"), permissions: writing }] });
  await using own = await serviceWith(databaseUrl, { TOKEN_FILE: file });
  const reattach = () => own.users.linkIdentity({ userId: thief, providerId, externalId, reattach: true }, bearing("writer"));
  await expectRefusal(reattach(), "FailedPrecondition", "LAST_SIGN_IN_METHOD");
  const { id: organizationId } = await createOrganization(client);
  const { provider: ofOrganization } = await client.users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
  const link = { providerId: ofOrganization?.id ?? 0n, externalId };
  const member = await userWith(client);
  await client.users.linkAuthIdentity({ ...link, userId: member });
  const taken = own.users.linkAuthIdentity({ ...link, userId: thief, reattach: true }, bearing("writer"));
  await expectRefusal(taken, "FailedPrecondition", "LAST_SIGN_IN_METHOD");
  await expectRefusal(
    client.users.unlinkIdentity({ userId: holder, providerId }, actingAs(holder)),
    "FailedPrecondition",
    "LAST_SIGN_IN_METHOD",
  );
  await client.users.setPassword({ userId: holder, password: "correct horse battery" }, actingAs(holder));
  await reattach();
  expect((await client.users.listIdentities({ userId: thief })).identities).toHaveLength(1);
});

test("a user changes its name, and not what an administrator decides", async ({ clients }) => {
  const client = clients["grpc-js"];
  const id = await userWith(client);
  expect((await client.users.updateUser({ user: { id, name: "Ann" } }, actingAs(id))).user?.name).toBe("Ann");
  for (const fields of [
    { isStaff: true },
    { externalId: "x" },
    { isManaged: true },
    { isActive: true },
    { isPasswordExpired: false },
    { isApp: true },
  ])
    await refused(client.users.updateUser({ user: { id, ...fields } }, actingAs(id)));
  await refused(client.users.updateUser({ user: { id, name: "Bob" }, updateMask: { paths: ["*"] } }, actingAs(id)));
});

test("a token is its user's: for another one it is unknown", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { users } = client;
  const { id: userId, email = "" } = await createUser(client);
  const other = await userWith(client, { isSuperuser: true });
  const { token } = await users.createEmailVerification({ userId, email });
  const { token: reset } = await users.createPasswordReset({ userId });
  const bad = await expectRefusal(users.verifyEmail({ token: "unknown" }, actingAs(other)), "FailedPrecondition", "TOKEN_REFUSED");
  const foreign = await expectRefusal(users.verifyEmail({ token }, actingAs(other)), "FailedPrecondition", "TOKEN_REFUSED");
  expect([foreign.error.rawMessage, foreign.error.details]).toEqual([bad.error.rawMessage, bad.error.details]);
  await expectRefusal(users.resetPassword({ token: reset, password: "x" }, actingAs(other)), "FailedPrecondition", "TOKEN_REFUSED");
  expect(await users.verifyEmail({ token }, actingAs(userId))).toMatchObject({ userId });
  expect(await users.resetPassword({ token: reset, password: "correct horse" }, actingAs(userId))).toMatchObject({ userId });
});

test("roles are given and taken up to one's own", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { organizations } = client;
  const owner = await userWith(client);
  const { id: organizationId } = await createOrganization(client, {}, owner);
  const add = async (role: MemberRole) => {
    const userId = await userWith(client);
    await organizations.addMember({ organizationId, userId, role });
    return userId;
  };
  const [second, manager, peer, admin, member] = [
    await add(MemberRole.OWNER),
    await add(MemberRole.MANAGER),
    await add(MemberRole.MANAGER),
    await add(MemberRole.ADMIN),
    await add(MemberRole.MEMBER),
  ];
  const which = (value: bigint) => ({ case: "userId" as const, value });
  const setRole = (actor: bigint, userId: bigint, role: MemberRole) =>
    organizations.setMemberRole({ organizationId, member: which(userId), role }, actingAs(actor));
  await setRole(manager, member, MemberRole.MANAGER);
  await setRole(manager, member, MemberRole.MEMBER);
  await refused(setRole(manager, member, MemberRole.OWNER));
  await refused(setRole(manager, manager, MemberRole.OWNER));
  await refused(setRole(manager, second, MemberRole.MEMBER));
  await refused(setRole(admin, member, MemberRole.MEMBER));
  const { members } = await organizations.listMembers({ organizationId }, actingAs(member));
  const seconds = members.find(({ userId }) => userId === second)?.id ?? 0n;
  const byId = { case: "memberId" as const, value: seconds };
  await refused(organizations.setMemberRole({ organizationId, member: byId, role: MemberRole.MEMBER }, actingAs(manager)));
  await refused(organizations.removeMember({ organizationId, member: byId }, actingAs(manager)));
  await refused(organizations.removeMember({ organizationId, member: which(peer) }, actingAs(member)));
  await refused(
    organizations.inviteMember({ organizationId, email: `${unique()}@example.com`, role: MemberRole.OWNER }, actingAs(manager)),
  );
  await organizations.inviteMember({ organizationId, email: `${unique()}@example.com`, role: MemberRole.MANAGER }, actingAs(manager));
  await organizations.removeMember({ organizationId, member: which(peer) }, actingAs(manager));
  await organizations.removeMember({ organizationId, member: which(member) }, actingAs(member));
  await setRole(owner, second, MemberRole.MEMBER);
});

test("a repeated write gets its answer again though its user has left, and nobody else gets it", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { organizations } = client;
  const owner = await userWith(client);
  const member = await userWith(client);
  const { id: organizationId } = await createOrganization(client, {}, owner);
  await organizations.addMember({ organizationId, userId: member, role: MemberRole.MEMBER });
  const request = { organizationId, member: { case: "userId" as const, value: member }, requestId: crypto.randomUUID() };
  const first = await organizations.removeMember(request, actingAs(member));
  expect(await organizations.removeMember(request, actingAs(member))).toEqual(first);
  await expectRefusal(organizations.removeMember(request, actingAs(owner)), "InvalidArgument", "REQUEST_ID_REUSED");
  await expectRefusal(
    organizations.removeMember({ ...request, requestId: crypto.randomUUID() }, actingAs(member)),
    "NotFound",
    "ORGANIZATION_NOT_FOUND",
  );
});

test("scopes that userd is not asked about are a user's own to use, and what they hold for all is their members'", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { options } = client;
  const userId = await userWith(client);
  const { id: organizationId } = await createOrganization(client);
  const { id: foreign } = await createProject(client, organizationId);
  for (const projectId of [foreign, MISSING]) {
    await options.setOption({ userId, key: "k", value: value(1), projectId }, actingAs(userId));
    expect(await options.getOption({ userId, key: "k", projectId }, actingAs(userId))).toMatchObject({ found: true });
    await expectRefusal(
      options.resolveOptions({ userIds: [userId], projectId }, actingAs(userId)),
      "PermissionDenied",
      "PERMISSION_REQUIRED",
    );
  }
});

test("a check of access tells an acting user nothing of what it can't see", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { profiles } = client;
  const userId = await userWith(client);
  const { id: accountId } = await createAccount(client);
  await createProfile(client, userId, accountId);
  const { id: foreign } = await createProfile(client, await userWith(client), (await createAccount(client)).id);
  for (const ownerProfileId of [foreign, MISSING]) {
    const target = { case: "ownerProfileId" as const, value: ownerProfileId };
    expect(await profiles.checkAccess({ userId, target }, actingAs(userId))).toMatchObject({
      allowed: false,
      rule: AccessRule.NOT_GRANTED,
    });
    const { results } = await profiles.batchCheckAccess({ checks: [{ userId, target }] }, actingAs(userId));
    expect(results[0]).toMatchObject({ allowed: false, rule: AccessRule.NOT_GRANTED });
  }
});

test("staff of an account brings no strangers into it", async ({ clients }) => {
  const client = clients["grpc-js"];
  const staff = await userWith(client, { isStaff: true });
  const [{ id: accountId }, stranger] = [await createAccount(client), await userWith(client)];
  await createProfile(client, staff, accountId);
  await refused(client.profiles.createProfile({ profile: { userId: stranger, accountId } }, actingAs(staff)));
  await refused(client.users.getUser({ id: stranger }, actingAs(staff)));
  await createProfile(client, stranger, accountId);
  expect((await client.users.getUser({ id: stranger }, actingAs(staff))).user?.id).toBe(stranger);
});

test("a read of oneself asks the database nothing once the cache knows the user, and knows at once when the user is gone", async ({
  clients,
}) => {
  const client = clients["grpc-js"];
  const id = await userWith(client);
  const reads = [
    () => client.users.getUser({ id }, actingAs(id)),
    () => client.options.getOption({ userId: id, key: "k" }, actingAs(id)),
    () => client.options.resolveOptions({ userIds: [id] }, actingAs(id)),
    () => client.profiles.getAccessScope({ userId: id }, actingAs(id)),
  ];
  for (const read of reads) {
    await read();
    expect(await statementsOf(read)).toEqual([]);
  }
  await client.users.deactivateUser({ id });
  for (const read of reads) await expectRefusal(read(), "PermissionDenied", "ACTING_USER_NOT_PRESENT");
  await client.users.reactivateUser({ id });
  for (const read of reads) await read();
});

test("a caller that is bound to its acting user does what has a sense for one user, and as that user alone", async ({
  clients,
  databaseUrl,
}) => {
  const client = clients["grpc-js"];
  const callers = [{ name: "web", token_sha256: sha256("web"), permissions, acts_as: "self" }];
  await using own = await serviceWith(databaseUrl, { TOKEN_FILE: writeCallersFile({ callers }) });
  const [id, other] = [await userWith(client, {}, ["users.admin"]), await userWith(client)];
  const as = (userId: bigint) => ({ headers: { ...bearing("web").headers, "x-acting-user-id": String(userId) } });
  await expectRefusal(own.users.getUser({ id }, bearing("web")), "PermissionDenied", "ACTING_USER_REQUIRED");
  await expectRefusal(own.users.getUser({ id: other }, as(MISSING)), "PermissionDenied", "ACTING_USER_NOT_PRESENT");
  expect((await own.users.getUser({ id: other }, as(other))).user?.id).toBe(other);
  await refused(own.users.getUser({ id }, as(other)));
  await refused(own.users.listUsers({}, as(id)));
  await refused(own.users.purgeUser({ id: other }, as(id)));
});

test("a refusal takes the same statements for what is foreign as for what is not there, and locks nothing", async ({ clients }) => {
  const client = clients["grpc-js"];
  const actor = actingAs(await userWith(client));
  const { id: organizationId } = await createOrganization(client);
  const { id: projectId } = await createProject(client, organizationId);
  const profile = await createProfile(client, await userWith(client), (await createAccount(client)).id);
  const stranger = await userWith(client);
  const calls = (is: (id: bigint) => bigint): readonly (() => Promise<unknown>)[] => [
    () => client.organizations.updateOrganization({ organization: { id: is(organizationId), name: "x" } }, actor),
    () => client.organizations.deleteProject({ id: is(projectId) }, actor),
    () => client.organizations.getProject({ key: { case: "id", value: is(projectId) } }, actor),
    () => client.organizations.listMembers({ organizationId: is(organizationId) }, actor),
    () => client.profiles.deleteProfile({ id: is(profile.id) }, actor),
    () => client.profiles.getProfile({ key: { case: "id", value: is(profile.id) } }, actor),
    () => client.users.deleteUser({ id: is(stranger) }, actor),
    () => client.users.getUser({ id: is(stranger) }, actor),
    () => client.options.setOption({ userId: is(stranger), key: "k", value: value(1), requestId: crypto.randomUUID() }, actor),
    () => client.options.getOption({ userId: is(stranger), key: "k" }, actor),
  ];
  // The cache looks at the acting user when its time has come.
  const refusedBy = async (call: () => Promise<unknown>) => {
    const refusal = () =>
      call().then(
        () => expect.fail("it is refused"),
        () => undefined,
      );
    return (await statementsOf(refusal)).filter((statement) => !statement.includes("snapshot.epoch"));
  };
  const missing = calls(() => MISSING);
  for (const [index, foreign] of calls((id) => id).entries()) {
    const [there, not] = [await refusedBy(foreign), await refusedBy(missing[index] ?? foreign)];
    expect(there).toEqual(not);
    expect(there.join("\n")).not.toMatch(/for (no key )?update|aggregate_version/);
  }
});

/** The names of fields whose ids say whose something is. */
const told =
  /^(user_id|user_ids|owner_user_id|organization_id|project_id|project_ids|team_id|account_id|owner_profile_id|to_profile_id|transfer_to_profile_id|as_user_id)$/;

test("no field that says whose something is goes by the rules", () => {
  const known = new Set([
    // What never changes, or is an answer's alone.
    "UpdateAuthProvider.provider.organization_id",
    "UpdateProject.project.organization_id",
    "UpdateTeam.team.organization_id",
    "UpdateProfile.profile.user_id",
    "UpdateProfile.profile.account_id",
    "AddAccountContact.contact.user_id",
    // Whom a filter narrows a list to, that others may not ask for anyway, or which is intersected with what is asked.
    "RemoveMember.user_id",
    "SetMemberRole.user_id",
    "AddTeamMember.user_id",
    "RemoveTeamMember.user_id",
    "BatchGetMemberships.pairs.user_id",
    "ListAuthIdentities.user_id",
    "GetAccessScope.account_id",
    "ListProfiles.filter.term.user_id",
    "ListProfiles.filter.term.account_id",
    "CheckAccess.owner_profile_id",
    "CheckAccess.resource.key.owner_profile_id",
    "BatchCheckAccess.checks.resource.key.owner_profile_id",
    "BatchCheckAccess.checks.owner_profile_id",
  ]);
  const pathsOf = (message: (typeof methods)[number]["input"], prefix: string, depth: number): readonly string[] =>
    message.fields.flatMap(({ name, message: inner, fieldKind }) => {
      const path = `${prefix}${name}`;
      if (told.test(name)) return [path];
      return inner !== undefined && fieldKind !== "map" && depth < 3 && inner.typeName.startsWith("userd.v1.")
        ? pathsOf(inner, `${path}.`, depth + 1)
        : [];
    });
  const unruled = methods.flatMap((method) => {
    const rules = actingRulesOf(method);
    const isOfKinds = method.parent.typeName.startsWith("userd.kinds.");
    if (isOfKinds || !isForOneUser(method)) return [];
    const covered = rules.flatMap(({ field, orSelf }) => [field, orSelf]);
    return pathsOf(method.input, "", 0)
      .filter((path) => !covered.some((field) => field !== "" && (path === field || path.startsWith(`${field}.`))))
      .map((path) => `${method.name}.${path}`)
      .filter((path) => !known.has(path));
  });
  expect(unruled).toEqual([]);
});

test("the server does not start with an RPC whose rules say nothing, or of what is not there", () => {
  const changed = (rules: Parameters<typeof setExtension<typeof acting>>[2]) => {
    const methods = UserOptionService.methods.map((method) => {
      const options = clone(MethodOptionsSchema, method.proto.options ?? create(MethodOptionsSchema));
      setExtension(options, acting, rules);
      return { ...method, proto: { ...method.proto, options } };
    });
    return () => prepareRpcs([{ service: { ...UserOptionService, methods } as never, operations: {} as never }]);
  };
  const rule = (fields: object) => [create(ActingRuleSchema, fields)];
  expect(changed([])).toThrow(/UserOptionService\/GetOption has no \(userd\.v1\.acting\)/);
  expect(changed(rule({ field: "user_id" }))).toThrow(/GetOption has a rule \(userd\.v1\.acting\) without a need/);
  expect(changed(rule({ need: ActingNeed.USER_SELF }))).toThrow(/without the field that USER_SELF needs/);
  expect(changed(rule({ need: ActingNeed.USER_SELF, field: "user.id" }))).toThrow(/GetOption has a rule .* about user\.id/);
  expect(changed(rule({ need: ActingNeed.ANYBODY, orSelf: "nobody" }))).toThrow(/about nobody, which its request does not have/);
});
