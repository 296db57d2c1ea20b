import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenReady } from "../call.ts";
import type { UserSchema } from "../gen/userd/v1/user_pb.ts";
import type { RoleDefinitions, Roles } from "../roles/role.lookup.ts";
import type { CachedUser } from "./user.lookup.ts";

const noRoles: Roles = new Map();

/** Reads the definitions of all roles when one of the users has a role; else reads nothing and returns an empty map. */
export const rolesOf = (
  roleDefinitions: RoleDefinitions,
  call: Call,
  users: readonly (CachedUser | undefined)[],
  reading: ReadConsistency,
): MaybePromise<Roles> =>
  users.some((user) => user !== undefined && user.row.role_ids.length > 0) ? roleDefinitions.get(call, "all", reading) : noRoles;

/** Makes the full view of a cached user, with the names and permissions of its roles. */
export const fullUser = (
  roleDefinitions: RoleDefinitions,
  call: Call,
  user: CachedUser,
  reading: ReadConsistency,
): MaybePromise<MessageInitShape<typeof UserSchema>> => whenReady(rolesOf(roleDefinitions, call, [user], reading), user.full);
