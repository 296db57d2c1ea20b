import type { InferKyselyDB } from "@mikro-orm/sql";
import { AccountContact, AccountSchema, Resource, UserProfileSchema } from "./account.entity.ts";
import { Change, Idempotency } from "./change.entity.ts";
import { AuthIdentity, AuthProviderSchema, Identity, IdentityProviderSchema } from "./identity.entity.ts";
import { ImportOrigin } from "./import-origin.entity.ts";
import { OptionRevision, PurgedScope, ScopeOption, UserOption } from "./option.entity.ts";
import { OrganizationMemberSchema, OrganizationSchema, ProjectSchema, ProjectTeam, TeamMember, TeamSchema } from "./organization.entity.ts";
import { RoleMember, RolePermission, RoleSchema } from "./role.entity.ts";
import { Authenticator, PasswordReset, UserActivity, UserEmail, UserIp, UserPermission, UserSchema, UserSearch } from "./user.entity.ts";
import { AggregateVersion, CanonicalName } from "./version.entity.ts";

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

/** The tables and their columns, as Kysely sees them. */
export type Schema = InferKyselyDB<(typeof entities)[number]>;
