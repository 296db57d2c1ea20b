import type { Answer } from "../answers.ts";
import type { FileRecord } from "../records.ts";
import {
  answered,
  type Check,
  type Expect,
  type Found,
  ifSaid,
  ignored,
  integer,
  key,
  listed,
  oneOf,
  type Rule,
  text,
  timeIfSaid,
} from "../rule.ts";
import type { World } from "../world.ts";
import { referenceOf } from "./options.ts";

const status = (names: readonly string[]) =>
  answered("status", ifSaid(oneOf(Object.fromEntries(names.map((name, index) => [index, `ORGANIZATION_STATUS_${name}`])))));
const organizationStatus = status(["ACTIVE", "", "", "HIDDEN"]);
const created = answered("createTime", timeIfSaid, "create_time");
const ignoredFields = (names: string): Readonly<Record<string, Check>> =>
  Object.fromEntries(names.split(" ").map((name) => [name, ignored]));
const named = { name: answered("name"), slug: answered("slug"), date_added: created } as const;
/** What belongs to an organization says to which; that is answered too. */
const ofOrganization = answered("organizationId", (pk, { fields }, world) =>
  referenceOf({ organization: pk, ...fields }, "organization", world),
);

const find =
  (noun: "organization" | "project" | "team") =>
  async ({ pk }: FileRecord, { idOf, answers }: World): Promise<Found | undefined> => {
    const id = idOf(noun, pk);
    const answer = id === undefined ? undefined : await answers[noun](id);
    return answer === undefined ? undefined : { name: `${noun} ${id}`, answer };
  };

/** The bit by which members join teams by themselves is answered as a field. */
const ALLOW_JOINLEAVE = 1n;
const otherFlags: Expect = (value) => String(BigInt(String(value)) & ~ALLOW_JOINLEAVE);
const isOpen: Expect = (value) => (BigInt(String(value)) & ALLOW_JOINLEAVE) !== 0n;

const organization: Rule = {
  model: "sentry.organization",
  find: find("organization"),
  fields: {
    ...named,
    status: organizationStatus,
    flags: [answered("flags", otherFlags), answered("openMembership", isOpen, "open_membership")],
    ...ignoredFields("default_role is_test"),
  },
};

const organizationMapping: Rule = {
  model: "sentry.organizationmapping",
  find: (record, world) => find("organization")({ ...record, pk: String(record.fields.organization_id) }, world),
  fields: { organization_id: key, name: named.name, slug: named.slug, status: organizationStatus, date_created: created },
};

const project: Rule = {
  model: "sentry.project",
  find: find("project"),
  fields: {
    ...named,
    organization: ofOrganization,
    organization_id: ofOrganization,
    status: status(["ACTIVE", "HIDDEN"]),
    flags: answered("flags", ifSaid(integer)),
    ...ignoredFields("public forced_color platform first_event"),
  },
};

const team: Rule = {
  model: "sentry.team",
  find: find("team"),
  fields: {
    ...named,
    organization: ofOrganization,
    organization_id: ofOrganization,
    status: status(["ACTIVE"]),
    ...ignoredFields("actor idp_provisioned org_role"),
  },
};

const fold = (value: unknown): string =>
  String(value ?? "")
    .trim()
    .toLowerCase();

const findMember = async ({ fields }: FileRecord, world: World): Promise<Found | undefined> => {
  const id = referenceOf(fields, "organization", world);
  if (id === undefined) return undefined;
  const reference = fields.user_id ?? fields.user;
  const userId = (reference ?? null) === null ? undefined : await world.userOf(reference);
  const members = await world.answers.members(id);
  // Whoever has accepted an invitation by a verified address is a member.
  const isTheirs = async (member: Readonly<Record<string, unknown>>) =>
    fold(member.email) === fold(fields.email) ||
    (member.userId !== "0" &&
      (await world.answers.emails(String(member.userId))).some(
        ({ email, isVerified }) => isVerified === true && fold(email) === fold(fields.email),
      ));
  for (const member of members) {
    const isIt = userId === undefined ? (reference ?? null) === null && (await isTheirs(member)) : member.userId === userId;
    if (isIt) return { name: `member ${id} ${String(member.id)}`, answer: member };
  }
  return undefined;
};

const roles = { member: "MEMBER", billing: "BILLING", manager: "MANAGER", admin: "ADMIN", owner: "OWNER" };
const memberFields = {
  organization: key,
  organization_id: key,
  user: key,
  user_id: key,
  email: answered("email", text),
  role: answered("role", (value) => `MEMBER_ROLE_${roles[value as keyof typeof roles]}`),
  invite_status: key,
  date_added: created,
  token_expires_at: answered("inviteExpireTime", timeIfSaid, "invite_expire_time"),
} as const;

const organizationMember: Rule = {
  model: "sentry.organizationmember",
  find: findMember,
  fields: {
    ...memberFields,
    flags: answered("flags", ifSaid(integer)),
    ...ignoredFields("token inviter_id has_global_access type user_is_active user_email"),
  },
};

const organizationMemberMapping: Rule = {
  model: "sentry.organizationmembermapping",
  find: findMember,
  fields: { ...memberFields, organizationmember_id: key },
};

/** Fields of an invitation that are bits of a member's flags. */
const bits = ["sso_linked", "sso_invalid", "member_limit_restricted", "idp_provisioned", "idp_role_restricted", "partnership_restricted"];
const bit = (index: number) => (value: unknown, record: FileRecord) =>
  String(
    bits.reduce((sum, name, place) => sum + (record.fields[name] === true || (place === index && value === true) ? 2 ** place : 0), 0),
  );

const organizationMemberInvite: Rule = {
  model: "sentry.organizationmemberinvite",
  find: findMember,
  fields: {
    ...memberFields,
    organization_member_team_data: listed("teamIds", "sentry.organizationmemberinvite.teams", (member, { idOf }) =>
      idOf("team", (member as { id: number }).id),
    ),
    ...Object.fromEntries(bits.map((name, index) => [name, answered("flags", bit(index))])),
    ...ignoredFields("token inviter_id inviter date_updated"),
  },
};

const organizationMemberTeam: Rule = {
  model: "sentry.organizationmemberteam",
  find: async ({ fields }, world) => {
    const team = referenceOf(fields, "team", world);
    const member = world.recordOf(["sentry.organizationmember"], fields.organizationmember_id ?? fields.organizationmember);
    const found = member === undefined ? undefined : await findMember(member, world);
    const answer = (found?.answer.teams as Answer[] | undefined)?.find(({ teamId }) => teamId === team);
    return answer === undefined ? undefined : { name: `${found?.name} in ${team}`, answer };
  },
  fields: {
    ...{ team: key, team_id: key, organizationmember: key, organizationmember_id: key, is_active: key },
    role: answered("role", (value) => (value === "admin" ? "TEAM_ROLE_ADMIN" : "TEAM_ROLE_MEMBER")),
  },
};

const projectTeam: Rule = {
  model: "sentry.projectteam",
  find: async ({ fields }, world) => {
    const [projectId, teamId] = [referenceOf(fields, "project", world), referenceOf(fields, "team", world)];
    const answer = projectId === undefined ? undefined : await world.answers.project(projectId);
    if (teamId === undefined || !(answer?.teamIds as string[] | undefined)?.includes(teamId)) return undefined;
    return { name: `project ${projectId} of ${teamId}`, answer: {} };
  },
  fields: { project: key, project_id: key, team: key, team_id: key },
};

/** Organizations, and what belongs to them. */
export const organizationRules: readonly Rule[] = [
  organization,
  organizationMapping,
  project,
  team,
  organizationMember,
  organizationMemberMapping,
  organizationMemberInvite,
  organizationMemberTeam,
  projectTeam,
];
