import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { standardMethods } from "../../src/contract/kinds/methods.ts";
import { waits } from "../../src/gen/userd/v1/options_pb.ts";
import { kinds } from "../../src/schema/entities.ts";
import { makerOf } from "../kinds/maker.ts";
import { registryFile, type ServiceWith, serviceWith } from "../options/service-with.ts";
import {
  createAccount,
  createOrganization,
  createProfile,
  createProject,
  createTeam,
  createUser,
  unique,
  value,
} from "../support/build.ts";
import { test as base } from "../support/service.ts";

/** Valid requests, by the local name of their RPC. */
type Requests = Readonly<Record<string, object>>;

/** A service with an indexed option, and something of everything, that reads and updates can be asked about. */
export type World = {
  readonly own: ServiceWith;
  readonly reads: Requests;
  /** Requests that create or update a resource. */
  readonly resources: Requests;
};

/** A request for each RPC that reads: it is answered, and shows something. */
const readsOf = async (own: ServiceWith): Promise<Requests> => {
  const { id: userId, email = "" } = await createUser(own);
  const { id: organizationId } = await createOrganization(own, {}, userId);
  const { id: projectId } = await createProject(own, organizationId);
  const { id: teamId } = await createTeam(own, organizationId);
  const { id: accountId } = await createAccount(own);
  const { id: profileId } = await createProfile(own, userId, accountId);
  const name = unique("role-");
  await own.users.createRole({ role: { name, permissions: ["a.b"] } });
  await own.options.setOption({ userId, key: "plan", value: value("free") });
  await own.options.setScopeOption({ target: { case: "projectId", value: projectId }, key: "plan", value: value("free") });
  await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profileId, name: "a" }] });
  const owner = { case: "ownerProfileId" as const, value: profileId };
  const [merged, other] = [await createUser(own), await createUser(own)];
  const users = { fromUserId: merged.id, toUserId: other.id };
  await own.users.mergeUsers({ ...users, planEtag: (await own.users.planUserMerge(users)).plan?.etag ?? "" });
  return {
    ...(await readsOfKinds(own)),
    getUser: { id: userId },
    lookupUsers: { keys: [{ key: { case: "email", value: email } }] },
    listUsers: {},
    listUserIds: {},
    streamUsers: {},
    listUserEmails: { userId },
    verifyUserEmails: { pairs: [{ userId, email }] },
    checkPermissions: { checks: [{ userId, permission: "a.b" }] },
    listRoles: {},
    listIdentityProviders: {},
    listIdentities: { userId },
    listAuthProviders: {},
    listAuthIdentities: { organizationId },
    listAuthenticators: { userId },
    batchHas2fa: { userIds: [userId] },
    getOption: { userId, key: "plan" },
    listOptions: { userId },
    batchGetOptions: { userIds: [userId] },
    resolveOptions: { userIds: [userId], keys: ["plan"], projectId, organizationId },
    findUsersByOption: { key: "plan", equals: value("free") },
    listOptionRevisions: { userId, key: "plan" },
    listOptionDefinitions: {},
    getOptionDefinition: { key: "plan" },
    listInvalidOptions: {},
    getScopeOption: { target: { case: "projectId", value: projectId }, key: "plan" },
    listScopeOptions: { target: { case: "projectId", value: projectId } },
    getOrganization: { key: { case: "id", value: organizationId } },
    listOrganizations: {},
    getProject: { key: { case: "id", value: projectId } },
    listProjects: { organizationId },
    getTeam: { key: { case: "id", value: teamId } },
    listTeams: { organizationId },
    listMembers: { organizationId },
    listUserOrganizations: { userId },
    batchGetMemberships: { pairs: [{ organizationId, userId }] },
    getAccount: { key: { case: "id", value: accountId } },
    listAccounts: {},
    getProfile: { key: { case: "id", value: profileId } },
    listProfiles: {},
    listAccountContacts: { accountId },
    getAccountAdmin: { accountId },
    getAccessScope: { userId },
    checkAccess: { userId, target: owner },
    batchCheckAccess: { checks: [{ userId, target: owner }] },
    listResources: { kind: "page", userId },
    listOwned: { ownerProfileId: profileId },
    watchChanges: { start: { case: "earliest", value: true } },
    getFeedPosition: {},
    listAuditEntries: {},
    planUserMerge: { fromUserId: userId, toUserId: other.id },
    listMergeDiscards: { fromUserId: merged.id },
    planUserErasure: { userId },
    planOrganizationErasure: { organizationId },
    planProjectErasure: { projectId },
    planTeamErasure: { teamId },
    planAccountErasure: { accountId },
    exportUser: { userId },
    listErasures: {},
  };
};

const localName = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** The same for the kinds, from their descriptors. */
const readsOfKinds = async (own: ServiceWith): Promise<Requests> => {
  const requests: Record<string, object> = {};
  for (const kind of kinds) {
    const maker = await makerOf(own, kind);
    const { id } = await maker.create();
    const names = Object.fromEntries(standardMethods(kind).map(([verb, name]) => [verb, localName(name)]));
    requests[names["Get"] ?? ""] = { key: { case: "id", value: id } };
    requests[names["BatchGet"] ?? ""] = { ids: [id] };
    requests[names["List"] ?? ""] = { [kind.listedBy.localName]: maker.parentId };
  }
  return requests;
};

const writesOfKinds = async (own: ServiceWith): Promise<Requests> => {
  const requests: Record<string, object> = {};
  for (const kind of kinds) {
    const maker = await makerOf(own, kind);
    if (kind.isLarge) {
      const append = standardMethods(kind).find(([verb]) => verb === "Append")?.[1] ?? "";
      requests[localName(append)] = { [maker.several]: [await maker.valid()] };
      continue;
    }
    const { id } = await maker.create();
    requests[`create${kind.message.name}`] = { [maker.field]: await maker.valid() };
    requests[`update${kind.message.name}`] = { [maker.field]: { id } };
  }
  return requests;
};

/** A request for each RPC that creates or updates a resource; each creates another one. */
const resourcesOf = async (own: ServiceWith): Promise<Requests> => {
  const { id: userId } = await createUser(own);
  const { id: organizationId } = await createOrganization(own);
  const project = await createProject(own, organizationId);
  const team = await createTeam(own, organizationId);
  const { id: accountId } = await createAccount(own);
  const { id: profileId } = await createProfile(own, userId, accountId);
  const users = await Promise.all([createUser(own), createUser(own)]);
  const role = { name: unique("role-"), permissions: ["a.b"] };
  await own.users.createRole({ role });
  const { provider } = await own.users.createIdentityProvider({ provider: { type: unique() } });
  const { provider: authProvider } = await own.users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
  return {
    ...(await writesOfKinds(own)),
    createUser: { user: { username: unique() } },
    updateUser: { user: { id: userId } },
    batchCreateUsers: { users: [{ username: unique() }] },
    createRole: { role: { name: unique("role-") } },
    updateRole: { role },
    createIdentityProvider: { provider: { type: unique() } },
    updateIdentityProvider: { provider: { id: provider?.id } },
    createAuthProvider: { provider: { organizationId: organizationId + 1n, provider: "saml2" } },
    updateAuthProvider: { provider: { id: authProvider?.id } },
    createOrganization: { organization: { name: unique() } },
    updateOrganization: { organization: { id: organizationId } },
    createProject: { project: { organizationId, name: unique() } },
    updateProject: { project: { id: project.id } },
    createTeam: { team: { organizationId, name: unique() } },
    updateTeam: { team: { id: team.id } },
    createAccount: { account: {} },
    updateAccount: { account: { id: accountId } },
    createProfile: { profile: { userId: users[0].id, accountId } },
    batchCreateProfiles: { profiles: [{ userId: users[1].id, accountId }] },
    updateProfile: { profile: { id: profileId } },
    addAccountContact: { accountId, contact: { email: `${unique()}@example.com` } },
  };
};

/** `world` is made once for the tests of a file, over the file's database. */
export const test = base.extend("world", { scope: "file" }, async ({ databaseUrl }, { onCleanup }): Promise<World> => {
  const file = await registryFile("plan: { description: What the user pays for., type: any, scopes: [user, project], indexed: true }");
  const own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path });
  onCleanup(async () => {
    await own[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  });
  return { own, reads: await readsOf(own), resources: await resourcesOf(own) };
});

/**
 * The request of an RPC.
 * @param kind the function above that makes it.
 */
export const requestOf = (requests: Requests, method: DescMethod, kind: "readsOf" | "resourcesOf"): object => {
  const request = requests[method.localName];
  if (request === undefined) throw new Error(`give ${method.name} a valid request in ${kind} of test/contract/world.ts`);
  return request;
};

const clientOf = {
  UserService: "users",
  UserOptionService: "options",
  OrganizationService: "organizations",
  ProfileService: "profiles",
  ChangeService: "changes",
} as const;

/** Calls an RPC by its descriptor; of a stream all is read, or the first message, if it goes on without end. */
export const callRpc = async (own: ServiceWith, method: DescMethod, request: object): Promise<unknown> => {
  const { name } = method.parent;
  const client = (own.families[name] ?? own[clientOf[name as keyof typeof clientOf]]) as unknown as Record<
    string,
    (request: object) => unknown
  >;
  const answer = client[method.localName]?.(request);
  if (method.methodKind !== "server_streaming") return answer;
  const messages: unknown[] = [];
  for await (const message of answer as AsyncIterable<unknown>) {
    messages.push(message);
    if (getOption(method, waits)) break;
  }
  return messages;
};
