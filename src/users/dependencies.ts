import type { Dependencies } from "../dependencies.ts";
import type { RoleDefinitions } from "../roles/role.lookup.ts";
import type { CanonicalNames } from "./canonical-name.lookup.ts";
import type { SystemUser } from "./system-user.ts";
import type { BasicUsers, Users } from "./user.lookup.ts";

/** The dependencies of operations on users: those of all operations, and the lookups of users, names and roles. */
export type UserDependencies = Dependencies & {
  readonly users: Users;
  readonly basicUsers: BasicUsers;
  readonly canonicalNames: CanonicalNames;
  readonly roleDefinitions: RoleDefinitions;
  readonly systemUser: SystemUser;
};
