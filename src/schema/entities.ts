import type { InferKyselyDB } from "@mikro-orm/sql";
import { familyFiles } from "../contract/kinds/families.ts";
import { readKinds } from "../contract/kinds/read.ts";
import { AccountSchema } from "./account.entity.ts";
import { AccountContact } from "./account-contact.entity.ts";
import { AggregateVersion } from "./aggregate-version.entity.ts";
import { AuthIdentity } from "./auth-identity.entity.ts";
import { AuthProviderSchema } from "./auth-provider.entity.ts";
import { Authenticator } from "./authenticator.entity.ts";
import { CanonicalName } from "./canonical-name.entity.ts";
import { Change } from "./change.entity.ts";
import { Idempotency } from "./idempotency.entity.ts";
import { Identity } from "./identity.entity.ts";
import { IdentityProviderSchema } from "./identity-provider.entity.ts";
import { ImportOrigin } from "./import-origin.entity.ts";
import { entitiesOf } from "./kind.entity.ts";
import { OptionRevision } from "./option-revision.entity.ts";
import { OrganizationSchema } from "./organization.entity.ts";
import { OrganizationMemberSchema } from "./organization-member.entity.ts";
import { PasswordReset } from "./password-reset.entity.ts";
import { ProjectSchema } from "./project.entity.ts";
import { ProjectTeam } from "./project-team.entity.ts";
import { PurgedScope } from "./purged-scope.entity.ts";
import { Resource } from "./resource.entity.ts";
import { RoleSchema } from "./role.entity.ts";
import { RoleMember } from "./role-member.entity.ts";
import { RolePermission } from "./role-permission.entity.ts";
import { ScopeOption } from "./scope-option.entity.ts";
import { TeamSchema } from "./team.entity.ts";
import { TeamMember } from "./team-member.entity.ts";
import { UserSchema } from "./user.entity.ts";
import { UserActivity } from "./user-activity.entity.ts";
import { UserEmail } from "./user-email.entity.ts";
import { UserIp } from "./user-ip.entity.ts";
import { UserOption } from "./user-option.entity.ts";
import { UserPermission } from "./user-permission.entity.ts";
import { UserProfileSchema } from "./user-profile.entity.ts";
import { UserSearch } from "./user-search.entity.ts";

/** Every table of the schema that is written by hand. */
const handwritten = [
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
  PurgedScope,
  ImportOrigin,
  OrganizationSchema,
  ProjectSchema,
  TeamSchema,
  OrganizationMemberSchema,
  TeamMember,
  ProjectTeam,
  Change,
  AggregateVersion,
  CanonicalName,
  Idempotency,
] as const;

/** The kinds that are served, parents before what is part of them. */
export const kinds = readKinds(
  familyFiles,
  handwritten.map(({ meta }) => meta.tableName),
);

/** The entities of kinds, by their tables. */
export const kindEntities = entitiesOf(kinds);

/** Every table of the schema. */
export const entities = [...handwritten, ...kindEntities.values()];

/** The tables and their columns, but for those of kinds, as Kysely sees them. */
export type Schema = InferKyselyDB<(typeof handwritten)[number]>;
