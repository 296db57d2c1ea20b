import { type RawBuilder, sql } from "kysely";
import { ownerIsRelated } from "../access/owner.select.ts";
import type { Call } from "../call.ts";
import { type Ancestor, type Kind, ORGANIZATION_ID, PROFILE, PROJECT } from "../contract/kinds/kind.ts";
import { models } from "../contract/kinds/read.ts";
import { place } from "../db/compiled.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { type DomainError, forbidden } from "../errors.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { MemberRole, TeamRole } from "../gen/userd/v1/member_pb.ts";
import { roleColumn } from "../organizations/member.mapping.ts";
import { presentUser } from "../users/present.ts";

const { READ, OWN } = AccessRelation;

/** Makes the condition in SQL that the user `u` has a relation to what belongs to something with this id. */
type Rule = (relation: AccessRelation, id: RawBuilder<unknown>) => RawBuilder<boolean>;

/** The least role that gives a member a relation to what belongs to its organization. */
const leastRole = (relation: AccessRelation) => sql`${roleColumn(relation === OWN ? MemberRole.MANAGER : MemberRole.MEMBER)}::smallint`;

/** Members of an organization read what belongs to it, managers and owners own it. */
const ofOrganization: Rule = (relation, id) => sql`exists (
  select from organization_member m where m.organization_id = ${id} and m.user_id = u.id and m.role >= ${leastRole(relation)})`;

/** Members of a project's teams read what belongs to it, and all members where anybody may join a team; admins of its teams own it. */
const ofProject: Rule = (relation, id) => {
  const leastTeamRole = sql`${roleColumn(relation === OWN ? TeamRole.ADMIN : TeamRole.MEMBER)}::smallint`;
  const isOpen = relation === OWN ? sql`false` : sql`o.open_membership`;
  return sql`exists (
    select from project x
    join organization o on o.id = x.organization_id
    join organization_member m on m.organization_id = o.id and m.user_id = u.id
    where x.id = ${id} and (m.role >= ${leastRole(OWN)} or ${isOpen} or exists (
      select from team_member w
      join project_team g on g.team_id = w.team_id and g.project_id = x.id
      join team t on t.id = w.team_id and t.delete_time is null
      where w.member_id = m.id and w.role >= ${leastTeamRole})))`;
};

/** Who reads what belongs to one of its organizations reads a shared resource; who owns what belongs to each of them owns it. */
const ofShared =
  ({ name, sharedBy = "" }: Kind): Rule =>
  (relation, id) => {
    const some = (condition: RawBuilder<boolean>) => sql<boolean>`exists (
      select from ${sql.table(sharedBy)} s where ${sql.ref(`s.${name}_id`)} = ${id} and ${condition})`;
    const read = some(ofOrganization(READ, sql.ref("s.organization_id")));
    return relation === OWN ? sql`(${read} and not ${some(sql`not ${ofOrganization(OWN, sql.ref("s.organization_id"))}`)})` : read;
  };

/** Who reads or owns what a profile owns is told by the rules of access, as for the resources that other services register. */
const ofProfile =
  ({ isAccountWide }: Kind): Rule =>
  (relation, id) =>
    ownerIsRelated(relation, isAccountWide ? "account_wide" : "owner_only", id);

const isOfProject = ({ to }: Ancestor): boolean => to.name === PROJECT;

/** Returns the rule that decides which users may read or own the resources of a kind. */
export const ruleOf = (kind: Kind): Rule => {
  if (kind.sharedBy !== undefined) return ofShared(kind);
  if (kind.belongsTo?.to === PROFILE) return ofProfile(kind);
  return kind.ancestors.some(isOfProject) ? ofProject : ofOrganization;
};

/**
 * Returns the SQL expression of the id by which the rule of a kind (`ruleOf`) decides on the row with the alias `row`: the id of its project,
 * organization or owner, or its own id if several organizations share it. If the row is the parent of a resource, pass the parent's `ancestors`.
 */
export const ruledBy = (
  { ancestors: all, belongsTo }: Pick<Kind, "ancestors" | "belongsTo">,
  row: string,
  ancestors: readonly Ancestor[] = all,
): RawBuilder<unknown> => {
  const [above] = ancestors;
  if (above === undefined) return sql.ref(`${row}.id`);
  if (!all.some(isOfProject)) return sql.ref(`${row}.${belongsTo?.column ?? ORGANIZATION_ID}`);
  const id = sql.ref(`${row}.${above.column}`);
  if (isOfProject(above)) return id;
  return ancestors.some(isOfProject)
    ? sql`(select ${ruledBy({ ancestors: all, belongsTo }, "b", ancestors.slice(1))} from ${sql.table(above.to.table)} b where b.id = ${id})`
    : sql.ref(`${row}.id`);
};

/**
 * Makes the SQL condition that a user is present, and may read or own (`relation`) a resource by the rule or as a superuser.
 * @param id the id by which the rule decides (`ruledBy`).
 */
export const isRelated = (rule: Rule, userId: unknown, relation: AccessRelation, id: RawBuilder<unknown>): RawBuilder<boolean> =>
  sql`exists (select from users u where u.id = ${userId}::bigint and ${presentUser("u")} and (u.is_superuser or ${rule(relation, id)}))`;

/**
 * Returns the id of the acting user if reads of a kind show only what this user may read; undefined = reads show everything. Reads of
 * organizations, projects and teams show everything: for these the permission of the RPC decides.
 */
export const seerOf = ({ actingUserId }: Call, kind: Kind): bigint | undefined => (models.includes(kind) ? undefined : actingUserId);

/** Returns the ids of the users whose rights limit a read of a kind: the acting user, and the user whose list is read, if it is another one. */
export const seersOf = (call: Call, kind: Kind, asUserId?: bigint): readonly bigint[] => {
  const seers = models.includes(kind) ? [] : [call.actingUserId, asUserId];
  return [...new Set(seers.filter((id) => id !== undefined))];
};

/** The name of the parameter (`place`) for the id of the acting user in SQL statements; no column has this name. */
export const SEER = "@seer";

/**
 * Makes the SQL condition that the acting user may read a resource; the statement's parameter `SEER` is the id of that user.
 * @param id the id by which the rule of the kind decides (`ruledBy`).
 */
export const isSeen = (kind: Kind, id = ruledBy(kind, "r")): RawBuilder<boolean> => isRelated(ruleOf(kind), place(SEER), READ, id);

/** Makes the SQL condition that the acting user (`SEER`) may read what belongs to the organization with this id. */
export const isOrganizationSeen = (id: RawBuilder<unknown>): RawBuilder<boolean> => isRelated(ofOrganization, place(SEER), READ, id);

/** Makes the SQL condition that a user, who is present, is a member of the organization with this id, or a superuser. */
export const isMember = (userId: unknown, id: RawBuilder<unknown>): RawBuilder<boolean> => isRelated(ofOrganization, userId, READ, id);

/** Rows, and what a rule asks about each of them. */
type Ruled = { readonly rule: Rule; readonly from: RawBuilder<unknown>; readonly id: RawBuilder<unknown> };

/** Returns what `requireOwned` has to check for a write to a stored resource: the access to the resource itself. */
export const ruledRow = (kind: Kind, id: bigint): Ruled => ({
  rule: ruleOf(kind),
  from: sql`${sql.table(kind.table)} r where r.id = ${id}::bigint`,
  id: ruledBy(kind, "r"),
});

/** Returns what `requireOwned` has to check for a new resource: the access to its parent, or to all organizations that are to share it. */
export const ruledParent = (kind: Kind, parentId: bigint, organizationIds: readonly bigint[]): Ruled => {
  const [above, ...further] = kind.ancestors;
  if (above === undefined)
    return { rule: ofOrganization, from: sql`unnest(${organizationIds.map(String)}::bigint[]) as r (id)`, id: sql.ref("r.id") };
  const from = sql`${sql.table(above.to.table)} r where r.id = ${parentId}::bigint`;
  return { rule: ruleOf(kind), from, id: ruledBy(kind, "r", further) };
};

/** Tells whether the acting user of a write, if there is one, may read a stored resource. Organizations, projects and teams are not asked about. */
export const isReadable = async (session: Parameters<LookUpLocks>[0], kind: Kind, id: bigint): Promise<boolean> => {
  const actingUserId = session.call?.actingUserId;
  if (actingUserId === undefined || models.includes(kind)) return true;
  const { rule, from, id: ruled } = ruledRow(kind, id);
  return (await session.row(sql`select from ${from} and ${isRelated(rule, actingUserId, READ, ruled)}`)) !== undefined;
};

/**
 * Refuses a write to a resource when the call has an acting user who does not own all that `ruledRow` or `ruledParent` returned. Writes to
 * organizations, projects and teams pass: for these the permission of the RPC decides.
 * @throws the error that `missing` makes when the user has no read access, so that the resource's existence stays secret; PERMISSION_DENIED
 * PERMISSION_REQUIRED when the user may read but not write.
 */
export const requireOwned = async (tx: Tx, kind: Kind, { rule, from, id }: Ruled, missing: () => DomainError): Promise<void> => {
  const { actingUserId } = tx.call;
  if (actingUserId === undefined || models.includes(kind)) return;
  const { reads, owns } = await tx.one(sql<{ reads: boolean | null; owns: boolean | null }>`
    select bool_and(${isRelated(rule, actingUserId, READ, id)}) as reads, bool_and(${isRelated(rule, actingUserId, OWN, id)}) as owns from ${from}`);
  if (!reads) throw missing();
  if (!owns) throw forbidden("PERMISSION_REQUIRED", `The acting user may read the ${kind.label}, and not write it.`);
};
