import { canonicalName } from "../../names/canonical.ts";
import { Unfit } from "../fault.ts";
import { bool, key, list, nullAs, optional, type Plain, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { eitherOf, reference } from "./organization-staging.ts";
import { inviteStatus, members, role } from "./sentry-organizationmember.ts";
import { teamMembers, teamRole } from "./sentry-organizationmemberteam.ts";
import { address } from "./sentry-useremail.ts";

const flag = optional(nullAs(false, bool));

/** The bits of a member's flags that an invitation has as fields. */
const flags = {
  sso_linked: 1,
  sso_invalid: 2,
  member_limit_restricted: 4,
  idp_provisioned: 8,
  idp_role_restricted: 16,
  partnership_restricted: 32,
} as const;

type Flag = keyof typeof flags;
const flagNames = Object.keys(flags) as Flag[];
const flagFields = Object.fromEntries(flagNames.map((name) => [name, flag])) as Record<Flag, typeof flag>;

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);

/** The teams of the invitation: nothing, or a list of objects with an id each, as JSON or in a string. */
const teams: Plain<readonly unknown[]> = (value) => (isNothing(value) ? [] : list(value));

const teamOf: Plain<{ readonly team_pk: bigint; readonly role: number }> = (value) => {
  if (typeof value !== "object" || value === null || !("id" in value)) throw new Unfit("it names no team");
  const role = "role" in value && !isNothing(value.role) ? value.role : null;
  return { team_pk: key(value.id), role: teamRole(role) };
};

/** The import reader of `sentry.organizationmemberinvite` records, which hold invitations to organizations in newer exports of Sentry. */
export const sentryOrganizationMemberInvite = defineReader({
  model: "sentry.organizationmemberinvite",
  becomes: "an invitation, with its teams",
  into: members,
  fields: {
    organization: reference,
    organization_id: reference,
    email: address,
    role,
    invite_status: optional(nullAs(true, inviteStatus)),
    date_added: optional(nullAs(undefined, time)),
    token_expires_at: optional(nullAs(undefined, time)),
    organization_member_team_data: teams,
    ...flagFields,
  },
  notHeld: {
    token: "an invitation is accepted by verifying its address here",
    inviter_id: "the change log says who invites",
    inviter: "the change log says who invites",
    date_updated: "an invitation has one date here: when it was added",
  },
  row: ({ organization, organization_id, email, role: given, date_added, token_expires_at, ...values }) => ({
    organization_pk: eitherOf(organization_id, organization, "organization"),
    email,
    email_canonical: canonicalName(email),
    role: given,
    flags: flagNames.reduce((bits, name) => bits | (values[name] === true ? flags[name] : 0), 0),
    create_time: date_added,
    invite_expire_time: token_expires_at,
  }),
  links: [
    {
      model: "sentry.organizationmemberinvite.teams",
      into: teamMembers,
      of: ({ organization_member_team_data }) => organization_member_team_data,
      row: (_, member) => teamOf(member),
    },
  ],
});
