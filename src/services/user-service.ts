import { addAuthenticator } from "../authenticators/add-authenticator.ts";
import { batchHas2fa } from "../authenticators/batch-has-2fa.ts";
import { listAuthenticators } from "../authenticators/list-authenticators.ts";
import { removeAuthenticator } from "../authenticators/remove-authenticator.ts";
import type { Operations } from "../call.ts";
import { createPasswordReset } from "../credentials/create-password-reset.ts";
import { resetPassword } from "../credentials/reset-password.ts";
import { rotateSessionNonce } from "../credentials/rotate-session-nonce.ts";
import { setPassword } from "../credentials/set-password.ts";
import { addUserEmail } from "../emails/add-user-email.ts";
import { createEmailVerification } from "../emails/create-email-verification.ts";
import { listUserEmails } from "../emails/list-user-emails.ts";
import { markEmailVerified } from "../emails/mark-email-verified.ts";
import { removeUserEmail } from "../emails/remove-user-email.ts";
import { setPrimaryEmail } from "../emails/set-primary-email.ts";
import { verifyEmail } from "../emails/verify-email.ts";
import { verifyUserEmails } from "../emails/verify-user-emails.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { createAuthProvider } from "../identities/create-auth-provider.ts";
import { createIdentityProvider } from "../identities/create-identity-provider.ts";
import { deleteAuthProvider } from "../identities/delete-auth-provider.ts";
import { deleteIdentityProvider } from "../identities/delete-identity-provider.ts";
import { linkAuthIdentity } from "../identities/link-auth-identity.ts";
import { linkIdentity } from "../identities/link-identity.ts";
import { listAuthIdentities } from "../identities/list-auth-identities.ts";
import { listAuthProviders } from "../identities/list-auth-providers.ts";
import { listIdentities } from "../identities/list-identities.ts";
import { listIdentityProviders } from "../identities/list-identity-providers.ts";
import { unlinkAuthIdentity } from "../identities/unlink-auth-identity.ts";
import { unlinkIdentity } from "../identities/unlink-identity.ts";
import { updateAuthProvider } from "../identities/update-auth-provider.ts";
import { updateIdentityProvider } from "../identities/update-identity-provider.ts";
import { purgeUser } from "../lifecycle/purge-users.ts";
import { assignRole } from "../roles/assign-role.ts";
import { checkPermissions } from "../roles/check-permissions.ts";
import { createRole } from "../roles/create-role.ts";
import { deleteRole } from "../roles/delete-role.ts";
import { grantPermission } from "../roles/grant-permission.ts";
import { listRoles } from "../roles/list-roles.ts";
import { revokePermission } from "../roles/revoke-permission.ts";
import { unassignRole } from "../roles/unassign-role.ts";
import { updateRole } from "../roles/update-role.ts";
import { getOrCreateUserByEmail } from "../sign-in/get-or-create-user-by-email.ts";
import { verifyPassword } from "../sign-in/verify-password.ts";
import { batchCreateUsers } from "../users/batch-create-users.ts";
import { createUser } from "../users/create-user.ts";
import { deactivateUser } from "../users/deactivate-user.ts";
import { deleteUser } from "../users/delete-user.ts";
import { getUser } from "../users/get-user.ts";
import { importUsers } from "../users/import-users.ts";
import { listUserIds } from "../users/list-user-ids.ts";
import { listUsers } from "../users/list-users.ts";
import { lookupUsers } from "../users/lookup-users.ts";
import { reactivateUser } from "../users/reactivate-user.ts";
import { recordActivity } from "../users/record-activity.ts";
import { setAvatar } from "../users/set-avatar.ts";
import { streamUsers } from "../users/stream-users.ts";
import { suspendUser } from "../users/suspend-user.ts";
import { undeleteUser } from "../users/undelete-user.ts";
import { unsuspendUser } from "../users/unsuspend-user.ts";
import { updateUser } from "../users/update-user.ts";
import type { AllDependencies } from "./dependencies.ts";

/** Every RPC of UserService. Each is a file, in the folder of what it is about. */
export const userOperations = (app: AllDependencies): Operations<typeof UserService> => ({
  createUser: createUser(app),
  getUser: getUser(app),
  updateUser: updateUser(app),
  lookupUsers: lookupUsers(app),

  listUserEmails: listUserEmails(app),
  addUserEmail: addUserEmail(app),
  removeUserEmail: removeUserEmail(app),
  setPrimaryEmail: setPrimaryEmail(app),
  createEmailVerification: createEmailVerification(app),
  verifyEmail: verifyEmail(app),
  markEmailVerified: markEmailVerified(app),
  verifyUserEmails: verifyUserEmails(app),

  setPassword: setPassword(app),
  verifyPassword: verifyPassword(app),
  createPasswordReset: createPasswordReset(app),
  resetPassword: resetPassword(app),
  rotateSessionNonce: rotateSessionNonce(app),

  grantPermission: grantPermission(app),
  revokePermission: revokePermission(app),
  checkPermissions: checkPermissions(app),
  createRole: createRole(app),
  updateRole: updateRole(app),
  deleteRole: deleteRole(app),
  listRoles: listRoles(app),
  assignRole: assignRole(app),
  unassignRole: unassignRole(app),

  createIdentityProvider: createIdentityProvider(app),
  listIdentityProviders: listIdentityProviders(app),
  updateIdentityProvider: updateIdentityProvider(app),
  deleteIdentityProvider: deleteIdentityProvider(app),
  linkIdentity: linkIdentity(app),
  unlinkIdentity: unlinkIdentity(app),
  listIdentities: listIdentities(app),
  createAuthProvider: createAuthProvider(app),
  listAuthProviders: listAuthProviders(app),
  updateAuthProvider: updateAuthProvider(app),
  deleteAuthProvider: deleteAuthProvider(app),
  linkAuthIdentity: linkAuthIdentity(app),
  unlinkAuthIdentity: unlinkAuthIdentity(app),
  listAuthIdentities: listAuthIdentities(app),

  addAuthenticator: addAuthenticator(app),
  removeAuthenticator: removeAuthenticator(app),
  listAuthenticators: listAuthenticators(app),
  batchHas2fa: batchHas2fa(app),

  listUsers: listUsers(app),
  listUserIds: listUserIds(app),
  streamUsers: streamUsers(app),
  batchCreateUsers: batchCreateUsers(app),
  importUsers: importUsers(app),
  getOrCreateUserByEmail: getOrCreateUserByEmail(app),
  deactivateUser: deactivateUser(app),
  reactivateUser: reactivateUser(app),
  suspendUser: suspendUser(app),
  unsuspendUser: unsuspendUser(app),
  setAvatar: setAvatar(app),
  recordActivity: recordActivity(app),
  deleteUser: deleteUser(app),
  undeleteUser: undeleteUser(app),
  purgeUser: purgeUser(app),
});
