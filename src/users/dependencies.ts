import type { Dependencies } from "../dependencies.ts";
import type { RoleDefinitions } from "../roles/role.lookup.ts";
import type { Handles } from "./handle.lookup.ts";
import type { SystemUser } from "./system-user.ts";
import type { BasicUsers, Users } from "./user.lookup.ts";

/** What operations on users are made of. */
export type UserDependencies = Dependencies & {
  readonly users: Users;
  readonly basicUsers: BasicUsers;
  readonly handles: Handles;
  readonly roleDefinitions: RoleDefinitions;
  readonly systemUser: SystemUser;
};
