import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Operation, whenReady } from "../call.ts";
import { notFound } from "../errors.ts";
import { type UserSchema, UserView } from "../gen/userd/v1/user_pb.ts";
import type { GetUserResponseSchema, UserService } from "../gen/userd/v1/user_service_pb.ts";
import type { UserDependencies } from "./dependencies.ts";
import { fullUser } from "./full-user.ts";

/** Makes the error NOT_FOUND USER_NOT_FOUND, for an id that no user has. */
export const userNotFound = () => notFound("USER_NOT_FOUND", "There is no such user.");

/** The answers, keyed by user: one for each, so that it is encoded once. */
const responses = new WeakMap<MessageInitShape<typeof UserSchema>, MessageInitShape<typeof GetUserResponseSchema>>();

const respond = (user: MessageInitShape<typeof UserSchema>): MessageInitShape<typeof GetUserResponseSchema> => {
  const known = responses.get(user);
  if (known !== undefined) return known;
  const response = Object.freeze({ user });
  responses.set(user, response);
  return response;
};

/** GetUser: reads a user from the cache, in the basic or the full view. */
export const getUser =
  ({
    users,
    basicUsers,
    roleDefinitions,
    freshness,
  }: Pick<UserDependencies, "users" | "basicUsers" | "roleDefinitions" | "freshness">): Operation<typeof UserService.method.getUser> =>
  (call, request) => {
    const reading = freshness.reading(request.consistency, request.certify);
    const answer = request.certify
      ? (user: MessageInitShape<typeof UserSchema>) => ({ user, ...freshness.certificateOf(reading) })
      : respond;
    if (request.view === UserView.BASIC) {
      return whenReady(basicUsers.get(call, request.id, reading), ({ user }) => {
        if (user === undefined) throw userNotFound();
        return answer(user.basic);
      });
    }
    return whenReady(users.get(call, request.id, reading), ({ user }) => {
      if (user === undefined) throw userNotFound();
      return whenReady(fullUser(roleDefinitions, call, user, reading), answer);
    });
  };
