import type { InferKyselyDB } from "@mikro-orm/sql";
import { familyFiles } from "../contract/kinds/families.ts";
import { readKinds } from "../contract/kinds/read.ts";
import { AccountContact, AccountSchema, Resource, UserProfileSchema } from "./account.entity.ts";
import { Change, Idempotency } from "./change.entity.ts";
import { AuditChain, Feed, FeedHead, VersionBump } from "./feed.entity.ts";
import { AuthIdentity, AuthProvider, Identity, IdentityProvider } from "./identity.entity.ts";
import { ImportOrigin } from "./import-origin.entity.ts";
import { Erasure, MergeDiscard, MergeMove, MergePart, UserHold, UserMerge } from "./lifecycle.entity.ts";
import { OptionRevision, PartedHistory, PurgedScope, ScopeOption, UserOption } from "./option.entity.ts";
import { Organization, OrganizationMember, Project, ProjectTeam, Team, TeamMember } from "./organization.entity.ts";
import { Role, RoleMember, RolePermission } from "./role.entity.ts";
import { Authenticator, PasswordReset, UserActivity, UserEmail, UserIp, UserPermission, UserSchema, UserSearch } from "./user.entity.ts";
import { AggregateVersion, CanonicalName, NameVersion } from "./version.entity.ts";

/** The ORM's entities that are written by hand, for all tables except the tables of kinds. */
export const handwritten = [
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
  PartedHistory,
  ScopeOption,
  PurgedScope,
  ImportOrigin,
  Organization,
  Project,
  Team,
  OrganizationMember,
  TeamMember,
  ProjectTeam,
  UserMerge,
  MergePart,
  MergeMove,
  MergeDiscard,
  UserHold,
  Erasure,
  Change,
  AggregateVersion,
  NameVersion,
  CanonicalName,
  Idempotency,
  VersionBump,
  AuditChain,
  Feed,
  FeedHead,
] as const;

/** The built-in kinds, read from the proto files that families.ts lists, parents before children. */
export const kinds = readKinds(
  familyFiles,
  handwritten.map(({ meta }) => meta.tableName),
);

/** The type of the database for Kysely: the tables of `handwritten`, with their columns. */
export type Schema = InferKyselyDB<(typeof handwritten)[number]>;
