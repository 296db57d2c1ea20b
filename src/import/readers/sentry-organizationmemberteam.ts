import { Unfit } from "../fault.ts";
import { bool, type Field, filled, optional, type Plain } from "../fields.ts";
import { defineReader } from "../reader.ts";
import type { StagingTable } from "../staging.ts";
import { eitherOf, reference } from "./organization-staging.ts";

/** The staging table of the members of the teams in an import file. */
export const teamMembers = {
  name: "import_team_member",
  table: "team_member",
  isLeaf: true,
  columns: { team_pk: "bigint", member_pk: "bigint", role: "smallint" },
  derived: { organization_id: "bigint", team_id: "bigint", member_id: "bigint" },
} as const satisfies StagingTable;

const isActive: Field<true> = (value) => {
  if (!bool(value)) throw new Unfit("says that the member has left the team");
  return true;
};

/** Sentry's names of the roles in a team, with userd's numbers. No name is the least role. */
const roles = new Map([
  ["", 0],
  ["contributor", 0],
  ["admin", 1],
]);

/** Reads the name of a Sentry role in a team, such as `admin`, and returns userd's number for the role; null stands for the lowest role. */
export const teamRole: Plain<number> = (value) => {
  const known = roles.get(value === null ? "" : filled(32)(value));
  if (known === undefined) throw new Unfit("is not known");
  return known;
};

const fields = {
  team: reference,
  team_id: reference,
  organizationmember: reference,
  organizationmember_id: reference,
  is_active: optional(isActive),
  role: optional(teamRole),
};

/** The import reader of `sentry.organizationmemberteam` records, which hold the links between members and teams. */
export const sentryOrganizationMemberTeam = defineReader({
  model: "sentry.organizationmemberteam",
  becomes: "a member of a team; both have to be in the file",
  into: teamMembers,
  fields,
  row: ({ team, team_id, organizationmember, organizationmember_id, role }) => ({
    role,
    team_pk: eitherOf(team_id, team, "team"),
    member_pk: eitherOf(organizationmember_id, organizationmember, "member"),
  }),
});
