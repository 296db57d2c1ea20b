import { batchCheckAccess } from "../access/batch-check-access.ts";
import { checkAccess } from "../access/check-access.ts";
import { getAccessScope } from "../access/get-access-scope.ts";
import type { Operations } from "../call.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { addAccountContact } from "../profiles/add-account-contact.ts";
import { batchCreateProfiles } from "../profiles/batch-create-profiles.ts";
import { createAccount } from "../profiles/create-account.ts";
import { createProfile } from "../profiles/create-profile.ts";
import { deleteProfile } from "../profiles/delete-profile.ts";
import { ensureAccountAdmin } from "../profiles/ensure-account-admin.ts";
import { getAccount } from "../profiles/get-account.ts";
import { getAccountAdmin } from "../profiles/get-account-admin.ts";
import { getProfile } from "../profiles/get-profile.ts";
import { listAccountContacts } from "../profiles/list-account-contacts.ts";
import { listAccounts } from "../profiles/list-accounts.ts";
import { listProfiles } from "../profiles/list-profiles.ts";
import { removeAccountContact } from "../profiles/remove-account-contact.ts";
import { setPrimaryContact } from "../profiles/set-primary-contact.ts";
import { updateAccount } from "../profiles/update-account.ts";
import { updateProfile } from "../profiles/update-profile.ts";
import { listResources } from "../resources/list-resources.ts";
import { registerResources } from "../resources/register-resources.ts";
import { transferResources } from "../resources/transfer-resources.ts";
import { unregisterResources } from "../resources/unregister-resources.ts";
import type { AllDependencies } from "./dependencies.ts";

/** The operations of ProfileService, one file each; those of access and resources are in the folders of these. */
export const profileOperations = (app: AllDependencies): Operations<typeof ProfileService> => ({
  createAccount: createAccount(app),
  getAccount: getAccount(app),
  updateAccount: updateAccount(app),
  listAccounts: listAccounts(app),
  createProfile: createProfile(app),
  batchCreateProfiles: batchCreateProfiles(app),
  getProfile: getProfile(app),
  updateProfile: updateProfile(app),
  deleteProfile: deleteProfile(app),
  listProfiles: listProfiles(app),
  addAccountContact: addAccountContact(app),
  listAccountContacts: listAccountContacts(app),
  removeAccountContact: removeAccountContact(app),
  setPrimaryContact: setPrimaryContact(app),
  getAccountAdmin: getAccountAdmin(app),
  ensureAccountAdmin: ensureAccountAdmin(app),
  getAccessScope: getAccessScope(app),
  checkAccess: checkAccess(app),
  batchCheckAccess: batchCheckAccess(app),
  registerResources: registerResources(app),
  unregisterResources: unregisterResources(app),
  transferResources: transferResources(app),
  listResources: listResources(app),
});
