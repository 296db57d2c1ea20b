import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect } from "vitest";
import type { Reason } from "../../src/errors.ts";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import type { Status } from "../../src/gen/google/rpc/status_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import type { ServiceWith } from "../options/service-with.ts";
import { createAccount, createOrganization, createProject, createTeam, createUser, unique, value } from "../support/build.ts";
import { methods } from "./methods.ts";
import { test as base, callRpc } from "./world.ts";

const nobody = 2n ** 40n;
const deep = value(JSON.parse(`${"[".repeat(25)}${"]".repeat(25)}`));
const deepAnnotation = JSON.parse(`${'{"a":['.repeat(13)}${"]}".repeat(13)}`);
const largeAnnotation = { a: "x".repeat(70_000) };
const large = value("x".repeat(70_000));
const etag = "999";

/** What requests are refused for, made once. */
const thingsOf = async (own: ServiceWith) => {
  const { organizations, users } = own;
  const { id: userId } = await createUser(own);
  const { id: deletedUserId } = await createUser(own);
  await users.deleteUser({ id: deletedUserId });
  const role = unique("role-");
  await users.createRole({ role: { name: role } });
  const { provider } = await users.createIdentityProvider({ provider: { type: unique() } });
  const { id: organizationId } = await createOrganization(own, {}, userId);
  const [project, deletedProject] = await Promise.all([createProject(own, organizationId), createProject(own, organizationId)]);
  const [team, deletedTeam] = await Promise.all([createTeam(own, organizationId), createTeam(own, organizationId)]);
  await organizations.deleteProject({ id: deletedProject.id });
  await organizations.deleteTeam({ id: deletedTeam.id });
  const { provider: authProvider } = await users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
  const { id: goneId } = await createOrganization(own, {}, userId);
  const [goneProject, goneTeam] = [await createProject(own, goneId), await createTeam(own, goneId)];
  await organizations.deleteOrganization({ id: goneId });
  const { id: accountId } = await createAccount(own, { isPlatform: true });
  const { id: managedId } = await createUser(own);
  const { token } = await users.createPasswordReset({ userId: managedId });
  await users.updateUser({ user: { id: managedId, isManaged: true } });
  const named = await createUser(own, { username: `${unique()}@example.com` });
  const nameless = await createUser(own, { email: "", username: unique() });
  return {
    ...{ userId, deletedUserId, role, organizationId, goneId, accountId, namelessId: nameless.id, address: named.username ?? "" },
    ...{ projectId: project.id, teamId: team.id, deletedProjectId: deletedProject.id, deletedTeamId: deletedTeam.id },
    ...{ goneProjectId: goneProject.id, goneTeamId: goneTeam.id, otherProject: deletedProject.slug, otherTeam: deletedTeam.slug },
    ...{ token, providerId: provider?.id ?? 0n, authProviderId: authProvider?.id ?? 0n },
  };
};

type Things = Awaited<ReturnType<typeof thingsOf>>;

const test = base.extend("things", { scope: "file" }, ({ world: { own } }): Promise<Things> => thingsOf(own));

/** The RPC, the reason, and a request that has it. */
type Case = readonly [rpc: string, reason: Reason, request: (things: Things) => object];

/** The same case for several RPCs. */
const each = (reason: Reason, requests: Readonly<Record<string, (things: Things) => object>>): Case[] =>
  Object.entries(requests).map(([rpc, request]) => [rpc, reason, request]);

const member = ({ userId: id }: Things) => ({ member: { case: "userId", value: id } });
const noMember = { member: { case: "userId", value: nobody } };
const set = (change: object) => ({ changes: [{ change: { case: "set", value: { key: "any", value: value(1), ...change } } }] });

const ofCalls: readonly Case[] = [
  ...each("USER_NOT_FOUND", {
    RemoveUserEmail: () => ({ userId: nobody, email: "a@example.com" }),
    SetPrimaryEmail: () => ({ userId: nobody, email: "a@example.com" }),
    CreateEmailVerification: () => ({ userId: nobody, email: "a@example.com" }),
    UnassignRole: ({ role }) => ({ userId: nobody, roleName: role }),
    UnlinkIdentity: ({ providerId }) => ({ userId: nobody, providerId }),
    LinkAuthIdentity: ({ authProviderId }) => ({ userId: nobody, providerId: authProviderId, externalId: "a" }),
    UnlinkAuthIdentity: ({ authProviderId }) => ({ userId: nobody, providerId: authProviderId }),
    RemoveAuthenticator: () => ({ userId: nobody, type: 1 }),
    SetAvatar: () => ({ userId: nobody, type: 1 }),
    DeleteUser: () => ({ id: nobody }),
    AddMember: ({ organizationId }) => ({ organizationId, userId: nobody, role: MemberRole.MEMBER }),
  }),
  ...each("USER_DELETED", {
    ReactivateUser: ({ deletedUserId: id }) => ({ id }),
    UnsuspendUser: ({ deletedUserId: id }) => ({ id }),
    SetOption: ({ deletedUserId: userId }) => ({ userId, key: "any", value: value(1) }),
    DeleteOption: ({ deletedUserId: userId }) => ({ userId, key: "any" }),
    ApplyOptionChanges: ({ deletedUserId: userId }) => ({ userId, ...set({}) }),
    RestoreOption: ({ deletedUserId: userId }) => ({ userId, key: "any", revisionId: 1n }),
    CreateOrganization: ({ deletedUserId }) => ({ organization: { name: unique() }, ownerUserId: deletedUserId }),
  }),
  ...[["OPTION_VALUE_TOO_DEEP", deep] as const, ["OPTION_VALUE_TOO_LARGE", large] as const].flatMap(([reason, json]) =>
    each(reason, {
      CreateIdentityProvider: () => ({ provider: { type: unique(), config: json } }),
      UpdateIdentityProvider: ({ providerId: id }) => ({ provider: { id, config: json } }),
      LinkIdentity: ({ userId, providerId }) => ({ userId, providerId, externalId: "a", data: json }),
      CreateAuthProvider: () => ({ provider: { organizationId: nobody, provider: "saml2", config: json } }),
      UpdateAuthProvider: ({ authProviderId: id }) => ({ provider: { id, config: json } }),
      LinkAuthIdentity: ({ userId, authProviderId }) => ({ userId, providerId: authProviderId, externalId: "a", data: json }),
      AddAuthenticator: ({ userId }) => ({ userId, type: 1, config: json }),
      GetOption: ({ userId }) => ({ userId, key: "any", defaultValue: json }),
      SetOption: ({ userId }) => ({ userId, key: "any", value: json }),
      ApplyOptionChanges: ({ userId }) => ({ userId, ...set({ value: json }) }),
      FindUsersByOption: () => ({ key: "plan", equals: json }),
      SetScopeOption: () => ({ target: { case: "globalScope", value: {} }, key: "any", value: json }),
    }),
  ),
  ...[["OPTION_VALUE_TOO_DEEP", deepAnnotation] as const, ["OPTION_VALUE_TOO_LARGE", largeAnnotation] as const].flatMap(
    ([reason, annotation]) =>
      each(reason, {
        CreateAccount: () => ({ account: { annotations: [annotation] } }),
        UpdateAccount: ({ accountId: id }) => ({ account: { id, annotations: [annotation] } }),
        CreateProfile: ({ userId, accountId }) => ({ profile: { userId, accountId, annotations: [annotation] } }),
        UpdateProfile: () => ({ profile: { id: nobody, annotations: [annotation] } }),
      }),
  ),
  ...each("OPTION_SCOPE_CONFLICT", {
    ListOptionRevisions: ({ userId }) => ({ userId, key: "any", projectId: 1n, organizationId: 1n }),
    RestoreOption: ({ userId }) => ({ userId, key: "any", revisionId: 1n, projectId: 1n, organizationId: 1n }),
  }),
  ["ApplyOptionChanges", "OPTION_SCOPE_NOT_ALLOWED", ({ userId, organizationId }) => ({ userId, ...set({ key: "plan", organizationId }) })],
  ...each("ORGANIZATION_DELETED", {
    UpdateProject: ({ goneProjectId: id }) => ({ project: { id, name: "a" } }),
    DeleteProject: ({ goneProjectId: id }) => ({ id }),
    UndeleteProject: ({ goneProjectId: id }) => ({ id }),
    UpdateTeam: ({ goneTeamId: id }) => ({ team: { id, name: "a" } }),
    DeleteTeam: ({ goneTeamId: id }) => ({ id }),
    UndeleteTeam: ({ goneTeamId: id }) => ({ id }),
    AddMember: ({ goneId, userId }) => ({ organizationId: goneId, userId, role: MemberRole.MEMBER }),
    SetMemberRole: (things) => ({ organizationId: things.goneId, ...member(things), role: MemberRole.MEMBER }),
    AddTeamMember: (things) => ({ teamId: things.goneTeamId, ...member(things) }),
    RemoveTeamMember: (things) => ({ teamId: things.goneTeamId, ...member(things) }),
    AddProjectTeam: ({ goneProjectId, goneTeamId }) => ({ projectId: goneProjectId, teamId: goneTeamId }),
    RemoveProjectTeam: ({ goneProjectId, goneTeamId }) => ({ projectId: goneProjectId, teamId: goneTeamId }),
  }),
  ...each("PROJECT_DELETED", {
    DeleteProject: ({ deletedProjectId: id }) => ({ id }),
    AddProjectTeam: ({ deletedProjectId, teamId }) => ({ projectId: deletedProjectId, teamId }),
    RemoveProjectTeam: ({ deletedProjectId, teamId }) => ({ projectId: deletedProjectId, teamId }),
  }),
  ...each("TEAM_DELETED", {
    DeleteTeam: ({ deletedTeamId: id }) => ({ id }),
    AddTeamMember: (things) => ({ teamId: things.deletedTeamId, ...member(things) }),
    RemoveTeamMember: (things) => ({ teamId: things.deletedTeamId, ...member(things) }),
    RemoveProjectTeam: ({ projectId, deletedTeamId }) => ({ projectId, teamId: deletedTeamId }),
  }),
  ...each("ETAG_MISMATCH", {
    DeleteRole: ({ role }) => ({ name: role, etag }),
    UpdateProject: ({ projectId: id }) => ({ project: { id, name: "a", etag } }),
    DeleteProject: ({ projectId: id }) => ({ id, etag }),
    UpdateTeam: ({ teamId: id }) => ({ team: { id, name: "a", etag } }),
    DeleteTeam: ({ teamId: id }) => ({ id, etag }),
  }),
  ...each("SLUG_TAKEN", {
    UpdateProject: ({ projectId: id, otherProject: slug }) => ({ project: { id, slug } }),
    UpdateTeam: ({ teamId: id, otherTeam: slug }) => ({ team: { id, slug } }),
  }),
  ...each("ORGANIZATION_NOT_FOUND", {
    CreateTeam: () => ({ team: { organizationId: nobody, name: "a" } }),
    SetMemberRole: (things) => ({ organizationId: nobody, ...member(things), role: MemberRole.MEMBER }),
  }),
  ...each("MEMBER_NOT_FOUND", {
    SetMemberRole: ({ organizationId }) => ({ organizationId, ...noMember, role: MemberRole.MEMBER }),
    RemoveTeamMember: ({ teamId }) => ({ teamId, ...noMember }),
  }),
  ["RemoveTeamMember", "TEAM_NOT_FOUND", (things) => ({ teamId: nobody, ...member(things) })],
  ["RemoveProjectTeam", "TEAM_NOT_FOUND", ({ projectId }) => ({ projectId, teamId: nobody })],
  ["RemoveProjectTeam", "PROJECT_NOT_FOUND", ({ teamId }) => ({ projectId: nobody, teamId })],
  ["UnlinkAuthIdentity", "IDENTITY_NOT_FOUND", ({ userId, authProviderId }) => ({ userId, providerId: authProviderId })],
  ["CreateAccount", "PLATFORM_ACCOUNT_TAKEN", () => ({ account: { isPlatform: true } })],
  ["ResetPassword", "USER_MANAGED", ({ token }) => ({ token, password: "correct horse battery" })],
  ["UpdateUser", "EMAIL_TAKEN", ({ namelessId: id, address: email }) => ({ user: { id, email } })],
];

const profile = (fields: object) => ({ profiles: [fields] });
const entry = (things: Things, fields: object) => ({ entries: [{ userId: things.userId, key: "any", value: value(1), ...fields }] });

const ofEntries: readonly Case[] = [
  ["BatchCreateUsers", "EMAIL_TAKEN", ({ address: email }) => ({ users: [{ username: unique(), email }] })],
  ["BatchSetOptions", "USER_DELETED", (things) => entry(things, { userId: things.deletedUserId })],
  ["BatchSetOptions", "OPTION_VALUE_TOO_DEEP", (things) => entry(things, { value: deep })],
  ["BatchSetOptions", "FIELD_INVALID", (things) => entry(things, { value: value("a\0b") })],
  ["BatchCreateProfiles", "USER_DELETED", ({ deletedUserId, accountId }) => ({ profiles: [{ userId: deletedUserId, accountId }] })],
  [
    "BatchCreateProfiles",
    "OPTION_VALUE_TOO_LARGE",
    ({ userId, accountId }) => profile({ userId, accountId, annotations: [largeAnnotation] }),
  ],
  [
    "BatchCreateProfiles",
    "OPTION_VALUE_TOO_DEEP",
    ({ userId, accountId }) => profile({ userId, accountId, annotations: [deepAnnotation] }),
  ],
];

const methodOf = (rpc: string) => methods.find(({ name }) => name === rpc) ?? expect.fail(`there is no ${rpc}`);

describe("reasons that an RPC declares are those that it answers with", () => {
  test.for(ofCalls)("%s: %s", async ([rpc, reason, request], { world: { own }, things }) => {
    const error = await callRpc(own, methodOf(rpc), request(things)).then(
      () => expect.fail("the call is answered"),
      (refused: unknown) => ConnectError.from(refused),
    );
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason, error.message).toBe(reason);
  });

  test.for(ofEntries)("%s: %s of an entry", async ([rpc, reason, request], { world: { own }, things }) => {
    const answer = (await callRpc(own, methodOf(rpc), request(things))) as { results: { result: { value: Status } }[] };
    const [detail] = answer.results[0]?.result.value.details ?? [];
    expect(detail && anyUnpack(detail, ErrorInfoSchema)?.reason).toBe(reason);
  });
});
