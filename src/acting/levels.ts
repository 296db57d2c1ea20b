import type { Message } from "@bufbuild/protobuf";
import { type RawBuilder, sql } from "kysely";
import { ownerIsRelated } from "../access/owner.select.ts";
import type { ReadPolicy } from "../access/policy.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { MemberRole, TeamRole } from "../gen/userd/v1/member_pb.ts";
import { ActingNeed } from "../gen/userd/v1/options_pb.ts";
import type { ResourceRef } from "../gen/userd/v1/resource_pb.ts";
import type { ProfileName, ProfilePair } from "../gen/userd/v1/user_profile_pb.ts";
import type { ScopeCheck } from "../options/option-scopes.ts";
import { roleColumn } from "../organizations/member.mapping.ts";

/** What a user may do with something, each level with what the ones before it give: nothing, to read it, to own it, or to rule it. */
export const Level = { HIDDEN: 0, READ: 1, OWN: 2, OWNER: 3 } as const;

/** The settings that rules for acting users depend on. */
export type ActingSettings = { readonly readPolicy: ReadPolicy; readonly scopeCheck: ScopeCheck };

/** Makes the SQL expression of the least level that the user `u` has for what a rule names. What does not exist has the level HIDDEN. */
type LevelOf = (values: readonly unknown[], request: Message, settings: ActingSettings) => RawBuilder<number>;

const ids = (values: readonly unknown[]) => sql`${values.map(String)}::bigint[]`;

const role = (of: MemberRole | TeamRole) => sql`${roleColumn(of)}::smallint`;

/** The level of the user `u` in the organization with this id. */
const inOrganization = (id: RawBuilder<unknown>) => sql<number>`coalesce((
  select case when m.role >= ${role(MemberRole.OWNER)} then 3 when m.role >= ${role(MemberRole.MANAGER)} then 2 else 1 end
  from organization_member m where m.organization_id = ${id} and m.user_id = u.id), 0)`;

/** The least level for the rows of `from`, whose expression is `level`. */
const least = (from: RawBuilder<unknown>, level: RawBuilder<number>) => sql<number>`(select coalesce(min(${level}), 0) from ${from})`;

const organization: LevelOf = (values) => {
  if (values.every((value) => typeof value === "string"))
    return least(sql`unnest(${values}::text[]) w (slug) left join organization x on x.slug = w.slug`, inOrganization(sql`x.id`));
  return least(sql`unnest(${ids(values)}) w (id)`, inOrganization(sql`w.id`));
};

/** The level of a project or team: that in its organization, and for admins of one of the teams that `teams` joins at least OWN. */
const within = (table: "project" | "team", values: readonly unknown[], teams: RawBuilder<unknown>): RawBuilder<number> => {
  const isTeamAdmin = sql`exists (
    select from organization_member m join team_member w on w.member_id = m.id and w.role >= ${role(TeamRole.ADMIN)} ${teams}
    where m.organization_id = x.organization_id and m.user_id = u.id)`;
  return least(
    sql`unnest(${ids(values)}) v (id) left join ${sql.table(table)} x on x.id = v.id`,
    sql`greatest(${inOrganization(sql`x.organization_id`)}, case when ${isTeamAdmin} then 2 else 0 end)`,
  );
};

const project: LevelOf = (values) =>
  within(
    "project",
    values,
    sql`join project_team g on g.team_id = w.team_id and g.project_id = x.id join team t on t.id = w.team_id and t.delete_time is null`,
  );

const team: LevelOf = (values) => within("team", values, sql`and w.team_id = x.id`);

const account: LevelOf = (values) => {
  const from = values.every((value) => typeof value === "string")
    ? sql`unnest(${values}::text[]) w (number) left join account x on x.number = w.number`
    : sql`unnest(${ids(values)}) x (id)`;
  const isMember = sql`exists (select from user_profile p where p.account_id = x.id and p.user_id = u.id)`;
  return least(from, sql`case when not ${isMember} then 0 when u.is_staff then 2 else 1 end`);
};

const ofProfile = (id: RawBuilder<unknown>, policy: ReadPolicy) => sql<number>`case
  when ${ownerIsRelated(AccessRelation.OWN, policy, id)} then 2 when ${ownerIsRelated(AccessRelation.READ, policy, id)} then 1 else 0 end`;

/** The profiles that a key names: by an id, a user and an account, or a name, which several profiles of an account can have. */
const profilesOf = (value: unknown): RawBuilder<unknown> => {
  if (typeof value === "bigint") return sql`select ${value}::bigint as id`;
  if ((value as ProfilePair).$typeName === "userd.v1.ProfilePair") {
    const { userId, accountId } = value as ProfilePair;
    return sql`select (select id from user_profile where user_id = ${userId} and account_id = ${accountId}) as id`;
  }
  const { accountId, name } = value as ProfileName;
  return sql`select id from user_profile where account_id = ${accountId} and name = ${name}`;
};

const profile: LevelOf = (values, _, { readPolicy }) => {
  const from = values.every((value) => typeof value === "bigint")
    ? sql`unnest(${ids(values)}) w (id)`
    : sql`(${sql.join(values.map(profilesOf), sql` union all `)}) w (id)`;
  return least(from, ofProfile(sql`w.id`, readPolicy));
};

/** A registered resource is named by its id, or by the profile that owns it: then the owner decides, whether the resource is there or not. */
const registered: LevelOf = (values, _, { readPolicy }) => {
  const refs = (values as readonly ResourceRef[]).map(({ ref }) => ref);
  const byId = refs.flatMap((ref) => (ref.case === "id" ? [ref.value] : []));
  const byOwner = refs.flatMap((ref) => (ref.case === "key" ? [ref.value.ownerProfileId] : []));
  return least(
    sql`(select r.owner_profile_id from unnest(${ids(byId)}) v (id) left join resource r on r.id = v.id
      union all select unnest(${ids(byOwner)})) w (id)`,
    ofProfile(sql`w.id`, readPolicy),
  );
};

const authProvider: LevelOf = (values) =>
  least(sql`unnest(${ids(values)}) v (id) left join auth_provider x on x.id = v.id`, inOrganization(sql`x.organization_id`));

type MemberRequest = {
  readonly member?: { readonly case?: string; readonly value?: bigint };
  readonly role?: MemberRole;
};

/** The level in an organization, and READ at most if the role of the member, or the one that is to be given, is above that of `u`. */
const members: LevelOf = (values, request) => {
  const {
    member,
    role: given = MemberRole.MEMBER,
    ...rest
  } = request as MemberRequest & { readonly userId?: bigint; readonly memberId?: bigint };
  const userId = member?.case === "userId" ? member.value : rest.userId;
  const memberId = member?.case === "memberId" ? member.value : rest.memberId;
  const isAbove = sql`exists (
    select from organization_member mine where mine.organization_id = w.id and mine.user_id = u.id and (
      mine.role < ${role(given || MemberRole.MEMBER)} or exists (
        select from organization_member theirs where theirs.organization_id = w.id and theirs.role > mine.role
          and (theirs.user_id = ${userId ?? null}::bigint or theirs.id = ${memberId ?? null}::bigint))))`;
  const level = inOrganization(sql`w.id`);
  return least(sql`unnest(${ids(values)}) w (id)`, sql`case when ${isAbove} then least(${level}, 1) else ${level} end`);
};

/** What a need asks: the level that it takes, how levels are found out, and the reason of the error for what is hidden. */
export type Wanted = {
  readonly level: number;
  readonly of: LevelOf;
  readonly hidden:
    | "ORGANIZATION_NOT_FOUND"
    | "OPTION_SCOPE_NOT_FOUND"
    | "PROJECT_NOT_FOUND"
    | "TEAM_NOT_FOUND"
    | "ACCOUNT_NOT_FOUND"
    | "PROFILE_NOT_FOUND"
    | "PROVIDER_NOT_FOUND";
};

/** The level in a scope of options: where userd is not asked whether scopes exist, a user's own options are in any. */
const scope =
  (levelOf: LevelOf): LevelOf =>
  (values, request, settings) =>
    settings.scopeCheck === "trust" ? sql`1` : levelOf(values, request, settings);

const { READ, OWN, OWNER } = Level;

/** The needs about what has an owner or members. */
export const wanted: Readonly<Partial<Record<ActingNeed, Wanted>>> = {
  [ActingNeed.ORGANIZATION_READ]: { level: READ, of: organization, hidden: "ORGANIZATION_NOT_FOUND" },
  [ActingNeed.ORGANIZATION_OWN]: { level: OWN, of: organization, hidden: "ORGANIZATION_NOT_FOUND" },
  [ActingNeed.ORGANIZATION_OWNER]: { level: OWNER, of: organization, hidden: "ORGANIZATION_NOT_FOUND" },
  [ActingNeed.MEMBERS]: { level: OWN, of: members, hidden: "ORGANIZATION_NOT_FOUND" },
  [ActingNeed.PROJECT_READ]: { level: READ, of: project, hidden: "PROJECT_NOT_FOUND" },
  [ActingNeed.PROJECT_OWN]: { level: OWN, of: project, hidden: "PROJECT_NOT_FOUND" },
  [ActingNeed.OPTIONS_OF_PROJECT]: { level: READ, of: scope(project), hidden: "OPTION_SCOPE_NOT_FOUND" },
  [ActingNeed.OPTIONS_OF_ORGANIZATION]: { level: READ, of: scope(organization), hidden: "OPTION_SCOPE_NOT_FOUND" },
  [ActingNeed.TEAM_READ]: { level: READ, of: team, hidden: "TEAM_NOT_FOUND" },
  [ActingNeed.TEAM_OWN]: { level: OWN, of: team, hidden: "TEAM_NOT_FOUND" },
  [ActingNeed.ACCOUNT_READ]: { level: READ, of: account, hidden: "ACCOUNT_NOT_FOUND" },
  [ActingNeed.ACCOUNT_OWN]: { level: OWN, of: account, hidden: "ACCOUNT_NOT_FOUND" },
  [ActingNeed.PROFILE_READ]: { level: READ, of: profile, hidden: "PROFILE_NOT_FOUND" },
  [ActingNeed.PROFILE_OWN]: { level: OWN, of: profile, hidden: "PROFILE_NOT_FOUND" },
  [ActingNeed.REGISTERED_OWN]: { level: OWN, of: registered, hidden: "PROFILE_NOT_FOUND" },
  [ActingNeed.AUTH_PROVIDER_READ]: { level: READ, of: authProvider, hidden: "PROVIDER_NOT_FOUND" },
  [ActingNeed.AUTH_PROVIDER_OWNER]: { level: OWNER, of: authProvider, hidden: "PROVIDER_NOT_FOUND" },
};
