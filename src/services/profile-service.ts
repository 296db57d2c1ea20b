import { batchCheckAccess, checkAccess, getAccessScope } from "../access/checks.ts";
import type { Operations } from "../call.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { planAccountErasure } from "../lifecycle/erasure/plan-scopes.ts";
import { purgeAccount } from "../lifecycle/purge-account.ts";
import { ensureAccountAdmin, getAccountAdmin } from "../profiles/account-admin.ts";
import { addAccountContact, listAccountContacts, removeAccountContact, setPrimaryContact } from "../profiles/account-contacts.ts";
import { createAccount, listAccounts, updateAccount } from "../profiles/accounts.ts";
import { batchCreateProfiles } from "../profiles/batch-create-profiles.ts";
import { deleteProfile } from "../profiles/delete-profile.ts";
import { getAccount } from "../profiles/get-account.ts";
import { getProfile } from "../profiles/get-profile.ts";
import { listOwned } from "../profiles/list-owned.ts";
import { listProfiles } from "../profiles/list-profiles.ts";
import { createProfile, updateProfile } from "../profiles/profiles.ts";
import { listResources } from "../resources/list-resources.ts";
import { registerResources } from "../resources/register-resources.ts";
import { transferResources } from "../resources/transfer-resources.ts";
import { unregisterResources } from "../resources/unregister-resources.ts";
import type { AllDependencies } from "./dependencies.ts";

/** Makes the operations of ProfileService, one for each RPC; they are defined in src/profiles, src/access and src/resources. */
export const profileOperations = (app: AllDependencies): Operations<typeof ProfileService> => ({
  createAccount: createAccount(app),
  getAccount: getAccount(app),
  updateAccount: updateAccount(app),
  listAccounts: listAccounts(app),
  planAccountErasure: planAccountErasure(app),
  purgeAccount: purgeAccount(app),
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
  listOwned: listOwned(app),
});
