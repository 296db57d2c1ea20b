import type { InferKyselyDB } from "@mikro-orm/sql";
import { familyFiles } from "../contract/kinds/families.ts";
import { models, readKinds } from "../contract/kinds/read.ts";
import { AccountContact, AccountSchema, Resource, UserProfileSchema } from "./account.entity.ts";
import { Change, Idempotency } from "./change.entity.ts";
import { AuthIdentity, AuthProvider, Identity, IdentityProvider } from "./identity.entity.ts";
import { ImportOrigin } from "./import-origin.entity.ts";
import { entitiesOf } from "./kind.entity.ts";
import { OptionRevision, PurgedScope, ScopeOption, UserOption } from "./option.entity.ts";
import { Organization, OrganizationMemberSchema, Project, ProjectTeam, Team, TeamMember } from "./organization.entity.ts";
import { Role, RoleMember, RolePermission } from "./role.entity.ts";
import { Authenticator, PasswordReset, UserActivity, UserEmail, UserIp, UserPermission, UserSchema, UserSearch } from "./user.entity.ts";
import { AggregateVersion, CanonicalName } from "./version.entity.ts";

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
  Role,
  RolePermission,
  RoleMember,
  IdentityProvider,
  Identity,
  AuthProvider,
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
  Organization,
  Project,
  Team,
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

/** All kinds that have standard methods: also those whose table is written by hand. */
export const served = [...models, ...kinds];

/** The entities of kinds, by their tables. */
export const kindEntities = entitiesOf(kinds);

/** Every table of the schema. */
export const entities = [...handwritten, ...kindEntities.values()];

/** The tables and their columns, but for those of kinds, as Kysely sees them. */
export type Schema = InferKyselyDB<(typeof handwritten)[number]>;
