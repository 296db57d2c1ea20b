import { defineEntity, p } from "@mikro-orm/core";
import { id, timeOfInsert } from "./columns.ts";
import { OrganizationMember } from "./organization-member.entity.ts";
import { Team } from "./team.entity.ts";

/** A member that is in a team; goes with either. */
export const TeamMember = defineEntity({
  name: "TeamMember",
  tableName: "team_member",
  properties: {
    id: id(),
    /** The organization of both: whose version moves, also when they are gone already. */
    organizationId: p.bigint(),
    team: () => p.manyToOne(Team).mapToPk().deleteRule("cascade"),
    member: () => p.manyToOne(OrganizationMember).mapToPk().deleteRule("cascade"),
    /** 0 member, 1 admin. */
    role: p.smallint().default(0),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "team_member_key", properties: ["team", "member"] }],
  indexes: [{ name: "team_member_member_index", properties: ["member", "team"] }],
  checks: [{ name: "team_member_role_known", expression: "role >= 0 and role <= 1" }],
});
