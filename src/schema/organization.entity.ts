import { defineEntity, p } from "@mikro-orm/core";
import { canonical, id, indexOn, text, time, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** The most characters of a slug, including the number that may end a slug to make it unique. */
const SLUG_LENGTH = 50;

/** The columns that organizations, projects and teams have in common. */
const named = (nameLength: number) => ({
  id: id(),
  name: text(nameLength),
  slug: text(SLUG_LENGTH),
  /** 0 active, 1 hidden. That it is deleted stands in delete_time. */
  status: p.smallint().default(0),
  createTime: timeOfInsert(),
  deleteTime: time().nullable(),
  /** The moment when what was deleted is removed for good. */
  purgeTime: time().nullable(),
  version: p.integer().version().default(1),
});

/** Makes the index by which a purge finds the rows of a table that are due. */
const purgeIndex = (table: string) => indexOn(`${table}_purge_time_index`, `${table} (purge_time) where purge_time is not null`);

const namedChecks = (table: string) => [
  { name: `${table}_not_empty`, expression: "name <> '' and slug <> ''" },
  { name: `${table}_status_known`, expression: "status >= 0 and status <= 1" },
  { name: `${table}_purged_when_deleted`, expression: "(delete_time is null) = (purge_time is null)" },
];

/** The table of organizations: groups of users that share projects. */
export const Organization = defineEntity({
  name: "Organization",
  tableName: "organization",
  properties: {
    ...named(64),
    /** Members may join teams by themselves: they see all projects. */
    openMembership: p.boolean().default(true),
    /** A bit field, kept as imported, but for the bit of open_membership. */
    flags: p.bigint().defaultRaw("0"),
  },
  uniques: [{ name: "organization_slug_key", properties: ["slug"] }],
  indexes: [purgeIndex("organization")],
  checks: namedChecks("organization"),
});

/** The table of projects: things that organizations work on, and that can have options. */
export const Project = defineEntity({
  name: "Project",
  tableName: "project",
  properties: {
    ...named(200),
    organization: () => p.manyToOne(Organization).mapToPk(),
    /** A bit field, kept as imported. */
    flags: p.bigint().defaultRaw("0"),
  },
  uniques: [{ name: "project_slug_key", properties: ["organization", "slug"] }],
  indexes: [{ name: "project_organization_index", properties: ["organization", "id"] }, purgeIndex("project")],
  checks: namedChecks("project"),
});

/** The table of teams: a team is a group of members of one organization, and can be added to projects. */
export const Team = defineEntity({
  name: "Team",
  tableName: "team",
  properties: { ...named(64), organization: () => p.manyToOne(Organization).mapToPk() },
  uniques: [{ name: "team_slug_key", properties: ["organization", "slug"] }],
  indexes: [{ name: "team_organization_index", properties: ["organization", "id"] }, purgeIndex("team")],
  checks: namedChecks("team"),
});

/** The table of members of organizations: users, and invitations of addresses that no user has verified yet. */
export const OrganizationMember = defineEntity({
  name: "OrganizationMember",
  tableName: "organization_member",
  properties: {
    id: id(),
    organization: () => p.manyToOne(Organization).mapToPk(),
    user: () => p.manyToOne(User).mapToPk().nullable().deleteRule("no action"),
    /** The address of an invitation, as it was written. */
    email: text(200).nullable(),
    emailCanonical: canonical().nullable(),
    /** 0 member, 1 admin, 2 manager, 3 owner: each may do what the ones before it may. */
    role: p.smallint(),
    /** A bit field, kept as imported. */
    flags: p.bigint().defaultRaw("0"),
    createTime: timeOfInsert(),
    /** The moment when an invitation expires; null = never. */
    inviteExpireTime: time().nullable(),
    version: p.integer().version().default(1),
  },
  uniques: [
    { name: "organization_member_user_key", properties: ["organization", "user"] },
    { name: "organization_member_email_key", properties: ["organization", "emailCanonical"] },
  ],
  indexes: [
    { name: "organization_member_index", properties: ["organization", "id"] },
    { name: "organization_member_user_index", properties: ["user", "organization"] },
    indexOn("organization_member_email_canonical_index", "organization_member (email_canonical) where email_canonical is not null"),
  ],
  checks: [
    {
      name: "organization_member_kind",
      expression: "(user_id is null) = (email is not null) and (email is null) = (email_canonical is null)",
    },
    { name: "organization_member_invitations_expire", expression: "invite_expire_time is null or user_id is null" },
    { name: "organization_member_role_known", expression: "role >= 0 and role <= 3" },
  ],
});

/** The table of the members of teams. A row is deleted with its member or its team. */
export const TeamMember = defineEntity({
  name: "TeamMember",
  tableName: "team_member",
  properties: {
    id: id(),
    /** The organization of both, whose version rises even when both are deleted already. */
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

/** The table of the projects of teams. A row is deleted with its project or its team. */
export const ProjectTeam = defineEntity({
  name: "ProjectTeam",
  tableName: "project_team",
  properties: {
    id: id(),
    project: () => p.manyToOne(Project).mapToPk().deleteRule("cascade"),
    team: () => p.manyToOne(Team).mapToPk().deleteRule("cascade"),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "project_team_key", properties: ["project", "team"] }],
  indexes: [{ name: "project_team_team_index", properties: ["team", "project"] }],
});
