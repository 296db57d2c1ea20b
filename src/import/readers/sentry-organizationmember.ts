import { canonicalName } from "../../names/canonical.ts";
import { Unfit } from "../fault.ts";
import {
  type Field,
  filled,
  int,
  type Note,
  nullAs,
  nullable,
  optional,
  type Plain,
  time,
  trimmed,
  type UserReference,
  userReference,
} from "../fields.ts";
import { defineReader, type ValuesOf } from "../reader.ts";
import { type StagingTable, TEXT, userReferenceColumns } from "../staging.ts";
import { eitherOf, reference } from "./organization-staging.ts";

/** The staging table of the memberships in an import file, including invitations and Sentry's replicas of members. */
export const members = {
  name: "import_member",
  table: "organization_member",
  ofSeveralModels: true,
  columns: {
    ...userReferenceColumns,
    organization_pk: "bigint",
    email: TEXT,
    email_canonical: TEXT,
    role: "smallint",
    flags: "bigint",
    create_time: "timestamptz(3)",
    invite_expire_time: "timestamptz(3)",
  },
  derived: { user_id: "bigint", organization_id: "bigint", is_invited: "boolean default false" },
} as const satisfies StagingTable;

/** Sentry's roles, with userd's numbers. Billing manages money only, and may do here what every member may. */
const roles = new Map([
  ["member", 0],
  ["billing", 0],
  ["admin", 1],
  ["manager", 2],
  ["owner", 3],
]);

/** Reads the name of a Sentry role in an organization, such as `owner`, and returns userd's number for the role. */
export const role: Field<number> = (value, note) => {
  const name = filled(32)(value);
  const known = roles.get(name);
  if (known === undefined) throw new Unfit("is not known");
  if (name === "billing") note("is billing, which userd does not tell from member");
  return known;
};

/** Checks that the status of an invitation is 0 (approved), and returns true. Throws Unfit for an invitation that nobody has approved yet. */
export const inviteStatus: Plain<true> = (value) => {
  if (int(value) !== 0n) throw new Unfit("says that nobody has approved it yet");
  return true;
};

const fields = {
  organization: reference,
  organization_id: reference,
  user: optional(nullable(userReference)),
  user_id: optional(nullable(userReference)),
  email: optional(nullAs("", trimmed(200))),
  role,
  invite_status: optional(nullAs(true, inviteStatus)),
  date_added: optional(nullAs(undefined, time)),
  token_expires_at: optional(nullAs(undefined, time)),
};

type Values = ValuesOf<typeof fields>;

/** Only invitations have an address, and expire. */
const whoOf = ({ user, user_id, email, token_expires_at }: Values, note: Note) => {
  const reference: UserReference | null | undefined = user_id ?? user;
  if (!reference) {
    if (email === undefined || email === "") throw new Unfit("it names neither a user nor an address");
    return { email, email_canonical: canonicalName(email), invite_expire_time: token_expires_at };
  }
  if (user && (user.user_pk !== reference.user_pk || user.user_name !== reference.user_name)) throw new Unfit("it names two users");
  if (email) note("email is left out: a member has those of its user");
  if (token_expires_at) note("token_expires_at is left out: only invitations expire");
  return { ...reference, invite_expire_time: null };
};

const rowOf = (values: Values, note: Note) => ({
  role: values.role,
  ...whoOf(values, note),
  organization_pk: eitherOf(values.organization_id, values.organization, "organization"),
  create_time: values.date_added,
});

/** The import reader of `sentry.organizationmember` records, which hold the members and invitations of organizations. */
export const sentryOrganizationMember = defineReader({
  model: "sentry.organizationmember",
  becomes: "a member of an organization, or, while it names no user, an invitation",
  into: members,
  fields: { ...fields, flags: optional(nullAs(undefined, int)) },
  notHeld: {
    token: "an invitation is accepted by verifying its address here",
    inviter_id: "the change log says who invites",
    has_global_access: "it repeats the flags of the organization",
    type: "it repeats the role",
    user_is_active: "it repeats what the user says",
    user_email: "it repeats what the user says",
  },
  row: ({ flags, ...values }, _, note) => ({ ...rowOf(values, note), flags }),
});

/** The import reader of `sentry.organizationmembermapping` records: replicas, each imported only if the member itself is not in the file. */
export const sentryOrganizationMemberMapping = defineReader({
  model: "sentry.organizationmembermapping",
  becomes: "the member that it is a replica of, unless the file holds that too",
  into: members,
  standsFor: "organizationmember_id",
  fields: { ...fields, organizationmember_id: reference },
  row: ({ organizationmember_id: _, ...values }, __, note) => rowOf(values, note),
});
