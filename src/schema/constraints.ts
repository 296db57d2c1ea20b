import { alreadyExists, type DomainError, notFound } from "../errors.ts";

const noUser = (): DomainError => notFound("USER_NOT_FOUND", "There is no such user.");
const noProvider = (): DomainError => notFound("PROVIDER_NOT_FOUND", "There is no such provider.");
const linkedElsewhere = (): DomainError => alreadyExists("IDENTITY_TAKEN", "The external id is linked to another user.");
const linkedOtherwise = (): DomainError => alreadyExists("IDENTITY_TAKEN", "The user has another identity of this provider.");

const noAccount = (): DomainError => notFound("ACCOUNT_NOT_FOUND", "There is no such account.");
const noProfile = (): DomainError => notFound("PROFILE_NOT_FOUND", "There is no such profile.");

/** A map from the name of a constraint to the function that makes the error for its violation. Any constraint not listed: internal error. */
export type ConstraintErrors = Readonly<Record<string, () => DomainError>>;

/** The errors for violated constraints of tables written by hand; kind-constraints.ts makes the errors for the tables of kinds. */
export const constraintErrors: ConstraintErrors = {
  users_pkey: () => alreadyExists("USER_ID_TAKEN", "The id is another user's."),
  users_username_key: () => alreadyExists("USERNAME_TAKEN", "The username is taken."),
  users_external_id_key: () => alreadyExists("EXTERNAL_ID_TAKEN", "The external id is another user's."),
  user_email_user_key: () => alreadyExists("EMAIL_TAKEN", "The user has this address already."),
  user_email_verified_key: () => alreadyExists("EMAIL_TAKEN", "The address is verified for another user."),
  user_email_user_id_foreign: noUser,
  user_option_user_id_foreign: noUser,
  user_permission_user_id_foreign: noUser,
  role_name_key: () => alreadyExists("ROLE_TAKEN", "There is a role with this name."),
  role_member_user_id_foreign: noUser,
  identity_provider_key: () => alreadyExists("PROVIDER_TAKEN", "There is a provider of this type with this external id."),
  identity_provider_id_foreign: noProvider,
  identity_external_key: linkedElsewhere,
  identity_user_key: linkedOtherwise,
  identity_user_id_foreign: noUser,
  auth_provider_organization_key: () => alreadyExists("PROVIDER_TAKEN", "The organization has a provider."),
  auth_identity_provider_id_foreign: noProvider,
  auth_identity_external_key: linkedElsewhere,
  auth_identity_user_key: linkedOtherwise,
  auth_identity_user_id_foreign: noUser,
  authenticator_key: () => alreadyExists("AUTHENTICATOR_TAKEN", "The user has an authenticator of this type."),
  authenticator_user_id_foreign: noUser,
  organization_member_user_key: () => alreadyExists("MEMBER_EXISTS", "The user is a member of the organization."),
  organization_member_email_key: () => alreadyExists("MEMBER_EXISTS", "The address is invited already."),
  account_number_key: () => alreadyExists("ACCOUNT_NUMBER_TAKEN", "The number is another account's."),
  account_default_key: () => alreadyExists("DEFAULT_ACCOUNT_TAKEN", "Another account is the default one."),
  account_platform_key: () => alreadyExists("PLATFORM_ACCOUNT_TAKEN", "Another account is the platform account."),
  account_contact_account_id_foreign: noAccount,
  account_contact_email_key: () => alreadyExists("CONTACT_TAKEN", "The account has a contact with this address."),
  account_contact_primary_key: () => alreadyExists("PRIMARY_CONTACT_TAKEN", "The account has a primary contact."),
  user_profile_key: () => alreadyExists("PROFILE_TAKEN", "The user has a profile in the account."),
  user_profile_user_id_foreign: noUser,
  user_profile_account_id_foreign: noAccount,
  resource_key: () => alreadyExists("RESOURCE_TAKEN", "The profile has a resource of this kind and name."),
  resource_owner_profile_id_foreign: noProfile,
};
