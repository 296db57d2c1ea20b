import { addAuthenticator, batchHas2fa, listAuthenticators, removeAuthenticator } from "../authenticators/authenticators.ts";
import type { Operations } from "../call.ts";
import { createPasswordReset, resetPassword, rotateSessionNonce, setPassword } from "../credentials/passwords.ts";
import { createEmailVerification, markEmailVerified, verifyEmail } from "../emails/email-verification.ts";
import { setPrimaryEmail } from "../emails/set-primary-email.ts";
import { addUserEmail, listUserEmails, removeUserEmail, verifyUserEmails } from "../emails/user-emails.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { createAuthProvider, deleteAuthProvider, listAuthProviders, updateAuthProvider } from "../identities/auth-providers.ts";
import {
  linkAuthIdentity,
  linkIdentity,
  listAuthIdentities,
  listIdentities,
  unlinkAuthIdentity,
  unlinkIdentity,
} from "../identities/identities.ts";
import {
  createIdentityProvider,
  deleteIdentityProvider,
  listIdentityProviders,
  updateIdentityProvider,
} from "../identities/identity-providers.ts";
import { listErasures, planUserErasure, setUserHold } from "../lifecycle/erasure/erasures.ts";
import { exportUser } from "../lifecycle/export/export-user.ts";
import { listMergeDiscards, restoreMergeDiscard } from "../lifecycle/merge/discards.ts";
import { mergeUsers, planUserMerge } from "../lifecycle/merge/merge-users.ts";
import { undoUserMerge } from "../lifecycle/merge/undo-merge.ts";
import { purgeUser } from "../lifecycle/purge-users.ts";
import { checkPermissions } from "../roles/check-permissions.ts";
import { assignRole, grantPermission, revokePermission, unassignRole } from "../roles/grants.ts";
import { createRole, deleteRole, listRoles, updateRole } from "../roles/roles.ts";
import { getOrCreateUserByEmail } from "../sign-in/get-or-create-user-by-email.ts";
import { verifyPassword } from "../sign-in/verify-password.ts";
import { batchCreateUsers, createUser } from "../users/create-users.ts";
import { getUser } from "../users/get-user.ts";
import { importUsers } from "../users/import-users.ts";
import { listUserIds, listUsers, streamUsers } from "../users/list-users.ts";
import { lookupUsers } from "../users/lookup-users.ts";
import { recordActivity } from "../users/record-activity.ts";
import { updateUser } from "../users/update-user.ts";
import { deactivateUser, deleteUser, reactivateUser, setAvatar, suspendUser, undeleteUser, unsuspendUser } from "../users/user-state.ts";
import type { AllDependencies } from "./dependencies.ts";

/** Makes the operations of UserService, one for each RPC; they are defined in the folders of their features, such as src/users and src/emails. */
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
  planUserMerge: planUserMerge(app),
  mergeUsers: mergeUsers(app),
  undoUserMerge: undoUserMerge(app),
  listMergeDiscards: listMergeDiscards(app),
  restoreMergeDiscard: restoreMergeDiscard(app),
  exportUser: exportUser(app),
  planUserErasure: planUserErasure(app),
  setUserHold: setUserHold(app),
  listErasures: listErasures(app),
  purgeUser: purgeUser(app),
});
