import type { Dependencies } from "../dependencies.ts";
import type { RoleDefinitions } from "../roles/role.lookup.ts";
import type { CanonicalNames } from "./canonical-name.lookup.ts";
import type { SystemUser } from "./system-user.ts";
import type { BasicUsers, Users } from "./user.lookup.ts";

/** What operations on users are given at the start: the database, the write path, and the lookups of users and roles. */
export type UserDependencies = Dependencies & {
  readonly users: Users;
  readonly basicUsers: BasicUsers;
  readonly canonicalNames: CanonicalNames;
  readonly roleDefinitions: RoleDefinitions;
  readonly systemUser: SystemUser;
};
