import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { createUser } from "./create-user.ts";
import { getUser } from "./get-user.ts";
import { lookupUsers } from "./lookup-users.ts";
import { notYet } from "./not-yet.ts";
import { updateUser } from "./update-user.ts";

/** Every RPC of UserService, one file each. */
export const userOperations = (app: Dependencies): Operations<typeof UserService> => ({
  createUser: createUser(app),
  getUser: getUser(app),
  updateUser: updateUser(app),
  lookupUsers: lookupUsers(app),
  listUserEmails: notYet,
  addUserEmail: notYet,
  removeUserEmail: notYet,
  setPrimaryEmail: notYet,
  createEmailVerification: notYet,
  verifyEmail: notYet,
  verifyUserEmails: notYet,
  setPassword: notYet,
  verifyPassword: notYet,
  createPasswordReset: notYet,
  resetPassword: notYet,
  rotateSessionNonce: notYet,
  grantPermission: notYet,
  revokePermission: notYet,
  checkPermissions: notYet,
  createRole: notYet,
  updateRole: notYet,
  deleteRole: notYet,
  listRoles: notYet,
  assignRole: notYet,
  unassignRole: notYet,
  createIdentityProvider: notYet,
  listIdentityProviders: notYet,
  linkIdentity: notYet,
  unlinkIdentity: notYet,
  listIdentities: notYet,
  createAuthProvider: notYet,
  listAuthProviders: notYet,
  linkAuthIdentity: notYet,
  unlinkAuthIdentity: notYet,
  listAuthIdentities: notYet,
  addAuthenticator: notYet,
  removeAuthenticator: notYet,
  listAuthenticators: notYet,
  batchHas2fa: notYet,
  listUsers: notYet,
  listUserIds: notYet,
  batchCreateUsers: notYet,
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
