import type { Dependencies } from "../dependencies.ts";
import type { RoleDefinitions } from "../roles/role.lookup.ts";
import type { CanonicalNames } from "./canonical-name.lookup.ts";
import type { SystemUser } from "./system-user.ts";
import type { BasicUsers, Users } from "./user.lookup.ts";

/** The parts that operations on users are made of. */
export type UserDependencies = Dependencies & {
  readonly users: Users;
  readonly basicUsers: BasicUsers;
  readonly canonicalNames: CanonicalNames;
  readonly roleDefinitions: RoleDefinitions;
  readonly systemUser: SystemUser;
};
