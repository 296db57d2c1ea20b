import { type User, UserView } from "../gen/userd/v1/user_pb.ts";
import { LookupStatus, type UserKey, UserService } from "../gen/userd/v1/user_service_pb.ts";
import { connect } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { CommandError, ExitCode } from "./exit.ts";

const EXTERNAL_ID = "external_id:";

const keyOf = (name: string): UserKey["key"] => {
  if (name.startsWith(EXTERNAL_ID)) return { case: "externalId", value: name.slice(EXTERNAL_ID.length) };
  if (/^\d{1,18}$/.test(name)) return { case: "id", value: BigInt(name) };
  return name.includes("@") ? { case: "email", value: name } : { case: "username", value: name };
};

/** Finds the one user that a text names by id, username, address or `external_id:…`. A text with an @ can be an address or a username. */
export const findUser = async (name: string, options: ClientOptions): Promise<User> => {
  const key = keyOf(name);
  const keys = key.case === "email" ? [{ key }, { key: { case: "username" as const, value: name } }] : [{ key }];
  const { results } = await connect(UserService, options).lookupUsers({ keys, view: UserView.FULL });
  const result = results.find(({ status }) => status !== LookupStatus.NOT_FOUND);
  if (result?.status === LookupStatus.AMBIGUOUS) {
    throw new CommandError(`Several users have this address: ${result.userIds.join(", ")}. Name one by its id.`, ExitCode.CONFLICT);
  }
  if (result?.user === undefined) throw new CommandError(`There is no user ${name}.`, ExitCode.NOT_FOUND);
  return result.user;
};
