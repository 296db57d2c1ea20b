import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type Kind, unqualified } from "../contract/kinds/kind.ts";
import { optionsOf } from "../contract/kinds/options.ts";
import { AccountContactSchema } from "../gen/userd/v1/account_contact_pb.ts";
import { AccountSchema } from "../gen/userd/v1/account_pb.ts";
import { MemberSchema, TeamMembershipSchema } from "../gen/userd/v1/member_pb.ts";
import { ResourceSchema } from "../gen/userd/v1/resource_pb.ts";
import { ScopeOptionSchema } from "../gen/userd/v1/scope_option_pb.ts";
import { UserEmailSchema, UserSchema } from "../gen/userd/v1/user_pb.ts";
import { UserProfileSchema } from "../gen/userd/v1/user_profile_pb.ts";
import type { KindSet } from "../schema/kind-set.ts";

/** A field whose old and new values the change log keeps. */
export type AuditedField = {
  readonly field: DescField;
  /** The number of the enum's value that is stored as 0. */
  readonly enumBase: number;
};

/** The tables that are written by hand, and the messages that declare which of their columns are audited. */
const messages: Readonly<Record<string, DescMessage>> = {
  users: UserSchema,
  user_email: UserEmailSchema,
  organization_member: MemberSchema,
  team_member: TeamMembershipSchema,
  scope_option: ScopeOptionSchema,
  account: AccountSchema,
  account_contact: AccountContactSchema,
  user_profile: UserProfileSchema,
  resource: ResourceSchema,
};

const isAudited = (field: DescField): boolean => optionsOf(field).auditValue;

const ofMessage = (message: DescMessage): ReadonlyMap<string, AuditedField> =>
  new Map(message.fields.filter(isAudited).map((field) => [field.name, { field, enumBase: 1 }]));

const ofKind = ({ columns }: Kind): ReadonlyMap<string, AuditedField> =>
  new Map(columns.filter((column) => column.isAudited).map(({ name, field, enumBase }) => [name, { field, enumBase }]));

/** The audited fields of all tables: by the name of the table, and by that of the column. */
export type AuditedFields = ReadonlyMap<string, ReadonlyMap<string, AuditedField>>;

/** Reads which fields are declared `audit_value`. The names of tables are those that entries have as their kind. */
export const auditedFields = ({ served }: Pick<KindSet, "served">): AuditedFields =>
  new Map([
    ...Object.entries(messages).map(([table, message]) => [table, ofMessage(message)] as const),
    ...served.map((kind) => [unqualified(kind.table), ofKind(kind)] as const),
  ]);
