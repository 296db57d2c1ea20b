import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenReady } from "../call.ts";
import type { UserSchema } from "../gen/userd/v1/user_pb.ts";
import type { RoleDefinitions, Roles } from "../roles/role.lookup.ts";
import type { CachedUser } from "./user.lookup.ts";

const noRoles: Roles = new Map();

/** The definitions of the roles that some users have; nothing is read when they have none. */
export const rolesOf = (
  roleDefinitions: RoleDefinitions,
  call: Call,
  users: readonly (CachedUser | undefined)[],
  reading: ReadConsistency,
): MaybePromise<Roles> =>
  users.some((user) => user !== undefined && user.row.role_ids.length > 0) ? roleDefinitions.get(call, "all", reading) : noRoles;

/** A user in the full view. */
export const fullUser = (
  roleDefinitions: RoleDefinitions,
  call: Call,
  user: CachedUser,
  reading: ReadConsistency,
): MaybePromise<MessageInitShape<typeof UserSchema>> => whenReady(rolesOf(roleDefinitions, call, [user], reading), user.full);
