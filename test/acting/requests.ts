import { type DescMessage, type DescMethod, fromJson, type JsonObject, type JsonValue, type Message } from "@bufbuild/protobuf";
import type { PrintedNeed, PrintedRpc } from "./table.ts";
import type { Things } from "./world.ts";

/** A request of an RPC, and which paths it sets. */
export type Request = { readonly message: Message; readonly isSet: (field: string) => boolean };

const option = { key: "k", value: "v" };

/** What requests need besides the fields that the table names. */
const further: Readonly<Record<string, JsonObject>> = {
  CreateUser: { user: { username: "matrix" } },
  UpdateUser: { user: { name: "matrix" } },
  LookupUsers: { keys: [{ username: "matrix" }] },
  BatchCreateUsers: { users: [{ username: "matrix" }] },
  ImportUsers: { user: { username: "matrix", email: "matrix@example.com" } },
  GetOrCreateUserByEmail: { email: "matrix@example.com" },
  AddUserEmail: { email: "matrix@example.com" },
  RemoveUserEmail: { email: "matrix@example.com" },
  SetPrimaryEmail: { email: "matrix@example.com" },
  CreateEmailVerification: { email: "matrix@example.com" },
  MarkEmailVerified: { user_id: "1", email: "matrix@example.com" },
  VerifyUserEmails: { pairs: [{ email: "matrix@example.com" }] },
  VerifyEmail: { token: "matrix" },
  ResetPassword: { token: "matrix", password: "matrix" },
  SetPassword: { password: "matrix" },
  VerifyPassword: { password: "matrix" },
  GrantPermission: { user_id: "1", permission: "a.b" },
  RevokePermission: { user_id: "1", permission: "a.b" },
  CheckPermissions: { checks: [{ permission: "a.b" }] },
  CreateRole: { role: { name: "matrix" } },
  UpdateRole: { role: { name: "matrix" } },
  DeleteRole: { name: "matrix" },
  AssignRole: { user_id: "1", role_name: "matrix" },
  UnassignRole: { user_id: "1", role_name: "matrix" },
  CreateIdentityProvider: { provider: { type: "matrix" } },
  UpdateIdentityProvider: { provider: { id: "9000000000000" } },
  DeleteIdentityProvider: { id: "9000000000000" },
  LinkIdentity: { provider_id: "9000000000000", external_id: "x" },
  UnlinkIdentity: { provider_id: "9000000000000" },
  CreateAuthProvider: { provider: { provider: "saml2" } },
  LinkAuthIdentity: { external_id: "x" },
  UnlinkAuthIdentity: { provider_id: "9000000000000" },
  AddAuthenticator: { type: "AUTHENTICATOR_TYPE_TOTP" },
  RemoveAuthenticator: { type: "AUTHENTICATOR_TYPE_TOTP" },
  SetAvatar: { type: "AVATAR_TYPE_GRAVATAR" },
  RecordActivity: { ip: "192.0.2.1" },
  PurgeUser: { id: "9000000000000" },
  PlanUserMerge: { from_user_id: "9000000000000", to_user_id: "9000000000001" },
  MergeUsers: { from_user_id: "9000000000000", to_user_id: "9000000000001", plan_etag: "x" },
  UndoUserMerge: { from_user_id: "9000000000000" },
  ListMergeDiscards: { from_user_id: "9000000000000" },
  RestoreMergeDiscard: { from_user_id: "9000000000000", discard_id: "1" },
  ExportUser: { user_id: "9000000000000" },
  PlanUserErasure: { user_id: "9000000000000" },
  SetUserHold: { user_id: "9000000000000" },
  PlanOrganizationErasure: { organization_id: "9000000000000" },
  PlanProjectErasure: { project_id: "9000000000000" },
  PlanTeamErasure: { team_id: "9000000000000" },
  PlanAccountErasure: { account_id: "9000000000000" },
  PurgeAccount: { id: "9000000000000" },
  GetOption: { key: "k" },
  SetOption: option,
  DeleteOption: { key: "k" },
  BatchSetOptions: { entries: [option] },
  FindUsersByOption: { key: "k", equals: 1 },
  ListOptionRevisions: { key: "k" },
  RestoreOption: { key: "k", revision_id: "1" },
  GetOptionDefinition: { key: "timezone" },
  SetScopeOption: option,
  GetScopeOption: { key: "k" },
  DeleteScopeOption: { key: "k" },
  CreateOrganization: { organization: { name: "matrix" } },
  PurgeOrganization: { id: "9000000000000" },
  GetProject: { slug: { slug: "x" } },
  GetTeam: { slug: { slug: "x" } },
  CreateProject: { project: { name: "matrix" } },
  PurgeProject: { id: "9000000000000" },
  CreateTeam: { team: { name: "matrix" } },
  PurgeTeam: { id: "9000000000000" },
  WatchChanges: { bookmark_interval: "0.1s" },
  InviteMember: { email: "matrix@example.com", role: "MEMBER_ROLE_MEMBER" },
  ResendInvitation: { member_id: "9000000000000" },
  AddMember: { role: "MEMBER_ROLE_MEMBER" },
  SetMemberRole: { user_id: "9000000000000", role: "MEMBER_ROLE_MEMBER" },
  RemoveMember: { member_id: "9000000000000" },
  AddTeamMember: { user_id: "9000000000000" },
  RemoveTeamMember: { member_id: "9000000000000" },
  BatchGetMemberships: { pairs: [{}] },
  CreateAccount: { account: {} },
  DeleteProfile: {},
  AddAccountContact: { contact: { email: "matrix@example.com" } },
  RemoveAccountContact: { email: "matrix@example.com" },
  SetPrimaryContact: { email: "matrix@example.com" },
  EnsureAccountAdmin: { account_id: "9000000000000" },
  CheckAccess: { owner_profile_id: "9000000000000" },
  BatchCheckAccess: { checks: [{ owner_profile_id: "9000000000000" }] },
  RegisterResources: { resources: [{ kind: "page", name: "matrix" }] },
  ListOwned: { kinds: ["page"] },
  ListResources: { kind: "page" },
};

const thingOf = ({ need, field }: PrintedNeed, things: Things): JsonValue => {
  const last = field.split(".").at(-1) ?? "";
  if (last === "pair") return { user_id: String(things.user), account_id: String(things.account) };
  if (last === "name") return { account_id: String(things.account), name: "matrix" };
  if (last === "slug") return things.slug;
  if (last === "number") return things.number;
  if (last === "global_scope") return {};
  if (last === "with_user") return true;
  if (need === "REGISTERED_OWN") return { id: String(things.resource) };
  const [group = ""] = need.replace("OPTIONS_OF_", "").split("_");
  const id = {
    USER: things.user,
    ORGANIZATION: things.organization,
    MEMBERS: things.organization,
    PROJECT: things.project,
    TEAM: things.team,
  }[group];
  const other = { ACCOUNT: things.account, PROFILE: things.profile, AUTH: things.provider }[group];
  return String(id ?? other ?? things.user);
};

/** Sets what stands at a path; what is within lists goes into their first item. */
const put = (desc: DescMessage, json: JsonObject, path: readonly string[], value: JsonValue): void => {
  const [name = "", ...rest] = path;
  const field = desc.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`${desc.typeName} has no ${name}`);
  const isList = field.fieldKind === "list";
  if (rest.length === 0) {
    json[name] = isList ? [value] : value;
    return;
  }
  const [first] = isList ? ((json[name] ?? [{}]) as JsonObject[]) : [(json[name] ?? {}) as JsonObject];
  const inner = first ?? {};
  json[name] = isList ? [inner] : inner;
  if (field.message !== undefined) put(field.message, inner, rest, value);
};

const copy = (json: JsonObject): JsonObject => JSON.parse(JSON.stringify(json)) as JsonObject;

/** What within a request has to be there with a path. */
const alongOf = (path: string): readonly (readonly [string, JsonValue])[] => {
  if (path.startsWith("changes.set."))
    return [
      ["changes.set.key", "k"],
      ["changes.set.value", "v"],
    ];
  if (path.startsWith("changes.delete.")) return [["changes.delete.key", "k"]];
  if (path.startsWith("preconditions."))
    return [
      ["preconditions.key", "k"],
      ["preconditions.must_exist", true],
      ["changes.set.key", "k"],
      ["changes.set.value", "v"],
    ];
  if (path === "transfer_to_profile_id") return [["mode", "DELETE_PROFILE_MODE_TRANSFER"]];
  return [];
};

/** Fields of the further ones that stand in the way of a path, since they are of the same oneof. */
const rivals: Readonly<Record<string, readonly string[]>> = { user_id: ["member_id"], id: ["slug"], "slug.organization_id": [] };

/** Makes the requests of an RPC that name these things: with what has to be set, with each of what may be set, and with each `or self`. */
export const requestsOf = ({ rpc, needs }: PrintedRpc, { input }: DescMethod, things: Things): readonly Request[] => {
  const [, name = ""] = rpc.split("/");
  const always = needs.filter(({ field, isOptional }) => field !== "" && !isOptional);
  const optional = needs.filter(({ isOptional }) => isOptional);
  const selves = needs
    .filter(({ orSelf }) => orSelf !== "")
    .map(({ orSelf }): PrintedNeed => ({ need: "USER", field: orSelf, isOptional: true, orSelf: "" }));
  const make = (set: readonly PrintedNeed[]): Request | undefined => {
    const json = copy(further[name] ?? {});
    const paths = new Set<string>();
    for (const one of set) {
      for (const rival of rivals[one.field] ?? []) delete json[rival];
      for (const [path, value] of alongOf(one.field)) put(input, json, path.split("."), value);
      put(input, json, one.field.split("."), thingOf(one, things));
      paths.add(one.field);
    }
    if (name === "ApplyOptionChanges" && json["changes"] === undefined) json["changes"] = [{ delete: { key: "k" } }];
    if ((name === "GetProject" || name === "GetTeam") && !paths.has("slug.organization_id")) delete json["slug"];
    try {
      return { message: fromJson(input, json), isSet: (field) => paths.has(field) };
    } catch {
      return undefined;
    }
  };
  const more = [...optional, ...selves].map((one) => make([...always, one]));
  // Of what has to be set by the table, a request can still set nothing.
  return [make(always), ...more, ...(always.length > 0 ? [make([])] : [])].flatMap((one) => one ?? []);
};
