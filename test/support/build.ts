import { randomBytes, randomInt } from "node:crypto";
import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { fromJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import type { CreateUserRequestSchema } from "../../src/gen/users/v1/user_service_pb.ts";
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
