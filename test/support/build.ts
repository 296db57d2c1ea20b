import { randomBytes, randomInt } from "node:crypto";
import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { fromJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import type { AccountSchema } from "../../src/gen/userd/v1/account_pb.ts";
import type { CreateOrganizationRequestSchema } from "../../src/gen/userd/v1/organization_pb.ts";
import type { UserProfileSchema } from "../../src/gen/userd/v1/user_profile_pb.ts";
import type { CreateUserRequestSchema } from "../../src/gen/userd/v1/user_service_pb.ts";
import type { Clients } from "./clients.ts";

/** A word that no other test uses. */
export const unique = (prefix = "x"): string => `${prefix}${randomBytes(5).toString("hex")}`;

/** An id of a project or organization that no other test uses. */
export const uniqueId = (): bigint => BigInt(randomInt(1, 2 ** 40));

/** A valid user that no other test has, unless told otherwise. */
export const buildUser = (fields: NonNullable<MessageInitShape<typeof CreateUserRequestSchema>["user"]> = {}) => ({
  email: `${unique("user-")}@example.com`,
  ...fields,
});

/** Creates a user and returns it. */
export const createUser = async ({ users }: Clients, fields?: Parameters<typeof buildUser>[0]) => {
  const { user } = await users.createUser({ user: buildUser(fields) });
  if (user === undefined) throw new Error("CreateUser returned no user");
  return user;
};

/** Creates users, a few at a time: a service refuses more at once than it has connections and places to wait for one. */
export const createUsers = async (clients: Clients, count: number) => {
  const users: Awaited<ReturnType<typeof createUser>>[] = [];
  while (users.length < count) {
    users.push(...(await Promise.all(Array.from({ length: Math.min(8, count - users.length) }, () => createUser(clients)))));
  }
  return users;
};

/** Creates an organization, whose slug is made from its name, and returns it. */
export const createOrganization = async (
  { organizations }: Pick<Clients, "organizations">,
  fields: NonNullable<MessageInitShape<typeof CreateOrganizationRequestSchema>["organization"]> = {},
  ownerUserId = 0n,
) => {
  const { organization } = await organizations.createOrganization({ organization: { name: unique("Org "), ...fields }, ownerUserId });
  if (organization === undefined) throw new Error("CreateOrganization returned no organization");
  return organization;
};

/** Creates a project of an organization and returns it. */
export const createProject = async ({ organizations }: Pick<Clients, "organizations">, organizationId: bigint) => {
  const { project } = await organizations.createProject({ project: { organizationId, name: unique("Project ") } });
  if (project === undefined) throw new Error("CreateProject returned no project");
  return project;
};

/** Creates a team of an organization and returns it. */
export const createTeam = async ({ organizations }: Pick<Clients, "organizations">, organizationId: bigint) => {
  const { team } = await organizations.createTeam({ team: { organizationId, name: unique("Team ") } });
  if (team === undefined) throw new Error("CreateTeam returned no team");
  return team;
};

/** Creates an account and returns it. */
export const createAccount = async ({ profiles }: Clients, fields: MessageInitShape<typeof AccountSchema> = {}) => {
  const { account } = await profiles.createAccount({ account: fields });
  if (account === undefined) throw new Error("CreateAccount returned no account");
  return account;
};

/** Creates a profile of a user in an account and returns it. */
export const createProfile = async (
  { profiles }: Clients,
  userId: bigint,
  accountId: bigint,
  fields: MessageInitShape<typeof UserProfileSchema> = {},
) => {
  const { profile } = await profiles.createProfile({ profile: { userId, accountId, ...fields } });
  if (profile === undefined) throw new Error("CreateProfile returned no profile");
  return profile;
};

/** JSON as a protobuf value. */
export const value = (json: JsonValue): Value => fromJson(ValueSchema, json);

/** Adds an address to a user and verifies it. */
export const addVerifiedEmail = async ({ users }: Clients, userId: bigint, email = `${unique("also-")}@example.com`): Promise<string> => {
  await users.addUserEmail({ userId, email });
  await verifyEmail({ users }, userId, email);
  return email;
};

/** Verifies an address that the user has. */
export const verifyEmail = async ({ users }: Pick<Clients, "users">, userId: bigint, email: string): Promise<void> => {
  const { token } = await users.createEmailVerification({ userId, email });
  await users.verifyEmail({ token });
};

/** The headers of a call on behalf of a user. */
export const actingAs = (userId: bigint) => ({ headers: { "x-acting-user-id": String(userId) } });
