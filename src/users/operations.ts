import { authenticatorOperations } from "../authenticators/operations.ts";
import type { Operations } from "../call.ts";
import { credentialOperations } from "../credentials/operations.ts";
import type { Dependencies } from "../dependencies.ts";
import { emailOperations } from "../emails/operations.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { identityOperations } from "../identities/operations.ts";
import { roleOperations } from "../roles/operations.ts";
import { createUser } from "./create-user.ts";
import { getUser } from "./get-user.ts";
import { lookupUsers } from "./lookup-users.ts";
import { notYet } from "./not-yet.ts";
import { updateUser } from "./update-user.ts";

/** Every RPC of UserService, one file each; those of what belongs to users are in the folders of their features. */
export const userOperations = (app: Dependencies): Operations<typeof UserService> => ({
  createUser: createUser(app),
  getUser: getUser(app),
  updateUser: updateUser(app),
  lookupUsers: lookupUsers(app),
  ...emailOperations(app),
  ...credentialOperations(app),
  ...roleOperations(app),
  ...identityOperations(app),
  ...authenticatorOperations(app),
  listUsers: notYet,
  listUserIds: notYet,
  streamUsers: notYet,
  batchCreateUsers: notYet,
  importUsers: notYet,
  getOrCreateUserByEmail: notYet,
  deactivateUser: notYet,
  reactivateUser: notYet,
  suspendUser: notYet,
  unsuspendUser: notYet,
  setAvatar: notYet,
  recordActivity: notYet,
  deleteUser: notYet,
  undeleteUser: notYet,
  purgeUser: notYet,
});
