import { batchCheckAccess } from "../access/batch-check-access.ts";
import { checkAccess } from "../access/check-access.ts";
import { getAccessScope } from "../access/get-access-scope.ts";
import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { listResources } from "../resources/list-resources.ts";
import { registerResources } from "../resources/register-resources.ts";
import { transferResources } from "../resources/transfer-resources.ts";
import { unregisterResources } from "../resources/unregister-resources.ts";
import { addAccountContact } from "./add-account-contact.ts";
import { batchCreateProfiles } from "./batch-create-profiles.ts";
import { createAccount } from "./create-account.ts";
import { createProfile } from "./create-profile.ts";
import { deleteProfile } from "./delete-profile.ts";
import { ensureAccountAdmin } from "./ensure-account-admin.ts";
import { getAccount } from "./get-account.ts";
import { getAccountAdmin } from "./get-account-admin.ts";
import { getProfile } from "./get-profile.ts";
import { listAccountContacts } from "./list-account-contacts.ts";
import { listAccounts } from "./list-accounts.ts";
import { listProfiles } from "./list-profiles.ts";
import { removeAccountContact } from "./remove-account-contact.ts";
import { setPrimaryContact } from "./set-primary-contact.ts";
import { updateAccount } from "./update-account.ts";
import { updateProfile } from "./update-profile.ts";

/** Every RPC of ProfileService, one file each; access and resources are in the folders of their features. */
export const profileOperations = (app: Dependencies): Operations<typeof ProfileService> => ({
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
