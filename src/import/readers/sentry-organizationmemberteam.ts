import { Unfit } from "../fault.ts";
import { bool, type Field, optional } from "../fields.ts";
import { defineReader } from "../reader.ts";
import type { StagingTable } from "../staging.ts";
import { eitherOf, reference } from "./organization-staging.ts";

/** Who is in which team in a file. */
export const teamMembers = {
  name: "import_team_member",
  columns: { team_pk: "bigint", member_pk: "bigint" },
  derived: { organization_id: "bigint", team_id: "bigint", member_id: "bigint" },
} as const satisfies StagingTable;

const isActive: Field<true> = (value) => {
  if (!bool(value)) throw new Unfit("says that the member has left the team");
  return true;
};

const fields = {
  team: reference,
  team_id: reference,
  organizationmember: reference,
  organizationmember_id: reference,
  is_active: optional(isActive),
};

/** `sentry.organizationmemberteam`: the teams of members. */
export const sentryOrganizationMemberTeam = defineReader({
  model: "sentry.organizationmemberteam",
  becomes: "a member of a team; both have to be in the file",
  into: teamMembers,
  fields,
  notHeld: { role: "a member has one role, in the organization" },
  row: ({ team, team_id, organizationmember, organizationmember_id }) => ({
    team_pk: eitherOf(team_id, team, "team"),
    member_pk: eitherOf(organizationmember_id, organizationmember, "member"),
  }),
});
