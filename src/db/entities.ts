import { Authenticator } from "../authenticators/authenticator.entity.ts";
import { Change } from "../changes/change.entity.ts";
import { PasswordReset } from "../credentials/password-reset.entity.ts";
import { UserEmail } from "../emails/user-email.entity.ts";
import { AuthIdentity } from "../identities/auth-identity.entity.ts";
import { AuthProviderSchema } from "../identities/auth-provider.entity.ts";
import { Identity } from "../identities/identity.entity.ts";
import { IdentityProviderSchema } from "../identities/identity-provider.entity.ts";
import { ImportOrigin } from "../import/import-origin.entity.ts";
import { DeadScope } from "../options/dead-scope.entity.ts";
import { OptionRevision } from "../options/option-revision.entity.ts";
import { ScopeOption } from "../options/scope-option.entity.ts";
import { UserOption } from "../options/user-option.entity.ts";
import { OrganizationSchema } from "../organizations/organization.entity.ts";
import { OrganizationMemberSchema } from "../organizations/organization-member.entity.ts";
import { ProjectSchema } from "../organizations/project.entity.ts";
import { ProjectTeam } from "../organizations/project-team.entity.ts";
import { TeamSchema } from "../organizations/team.entity.ts";
import { TeamMember } from "../organizations/team-member.entity.ts";
import { AccountSchema } from "../profiles/account.entity.ts";
import { AccountContact } from "../profiles/account-contact.entity.ts";
import { UserProfileSchema } from "../profiles/user-profile.entity.ts";
import { Resource } from "../resources/resource.entity.ts";
import { RoleSchema } from "../roles/role.entity.ts";
import { RoleMember } from "../roles/role-member.entity.ts";
import { RolePermission } from "../roles/role-permission.entity.ts";
import { UserPermission } from "../roles/user-permission.entity.ts";
import { UserSchema } from "../users/user.entity.ts";
import { UserActivity } from "../users/user-activity.entity.ts";
import { UserIp } from "../users/user-ip.entity.ts";
import { UserSearch } from "../users/user-search.entity.ts";
import { Handle } from "./handle.entity.ts";
import { Idempotency } from "./idempotency.entity.ts";
import { SubjectVersion } from "./subject-version.entity.ts";

/** Every table of the schema. */
export const entities = [
  UserSchema,
  UserActivity,
  UserIp,
  UserSearch,
  UserEmail,
  UserOption,
  PasswordReset,
  UserPermission,
  RoleSchema,
  RolePermission,
  RoleMember,
  IdentityProviderSchema,
  Identity,
  AuthProviderSchema,
  AuthIdentity,
  Authenticator,
  AccountSchema,
  AccountContact,
  UserProfileSchema,
  Resource,
  OptionRevision,
  ScopeOption,
  DeadScope,
  ImportOrigin,
  OrganizationSchema,
  ProjectSchema,
  TeamSchema,
  OrganizationMemberSchema,
  TeamMember,
  ProjectTeam,
  Change,
  SubjectVersion,
  Handle,
  Idempotency,
] as const;
