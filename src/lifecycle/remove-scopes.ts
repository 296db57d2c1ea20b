import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import { dropReferences, dropResourcesOf } from "../kinds/remove.ts";
import { type Scope, ScopeKind } from "../options/scope.ts";
import { aggregateOfScope } from "../options/target.ts";
import { type Aggregate, userAggregate } from "../versions/aggregate.ts";
import { removeRows } from "./owned-tables.ts";

/**
 * The most options that are deleted in the transaction that purges their scopes. If there are more, the purger deletes all of them later, in
 * batches.
 */
export const OPTIONS_AT_ONCE = 10_000;

/** The SQL for scopes as rows `w`. */
const rowsOf = (scopes: readonly Scope[]) =>
  sql`unnest(${scopes.map(({ kind }) => kind)}::smallint[], ${scopes.map(({ id }) => String(id))}::bigint[]) as w (scope_kind, scope_id)`;

/** The SQL for the options `o` of users in scopes. Its condition on the kind is that of the index. */
const optionsOf = (scopes: readonly Scope[]) =>
  sql`${rowsOf(scopes)} join user_option o on o.scope_kind = w.scope_kind and o.scope_id = w.scope_id and o.scope_kind > 0`;

/**
 * Deletes the revisions of users' options in scopes, since revisions hold values. Call this after deleting the options: deletions add revisions.
 */
export const forgetRevisions = (tx: Session, scopes: readonly Scope[], users: readonly string[]) =>
  tx.rows(sql`
    delete from option_revision r using ${rowsOf(scopes)}
    where r.user_id = any(${[...new Set(users)]}::bigint[]) and r.scope_kind = w.scope_kind and r.scope_id = w.scope_id`);

/** Tells whether the options in scopes are few enough to be deleted at once. */
export const areFew = async (tx: Session, scopes: readonly Scope[]): Promise<boolean> => {
  const rows = await tx.rows(sql`
    select from ${optionsOf(scopes)}
    union all
    select from ${rowsOf(scopes)} join scope_option o using (scope_kind, scope_id)
    offset ${OPTIONS_AT_ONCE} limit 1`);
  return rows.length === 0;
};

/** Locks, in ascending order, an organization's members, the users whom its auth provider knows and, `withOptions`, those with options. */
const lockUsers = async (
  tx: Session,
  scopes: readonly Scope[],
  organizationId: bigint | undefined,
  withOptions: boolean,
): Promise<Aggregate[]> => {
  const rows = await tx.rows(sql<{ id: bigint }>`
    select s.id from aggregate_version s where s.kind = 'user' and s.id in (
      select m.user_id from organization_member m where m.organization_id = ${organizationId ?? null}::bigint
      union
      select i.user_id from auth_identity i join auth_provider p on p.id = i.provider_id where p.organization_id = ${organizationId ?? null}::bigint
      union
      select o.user_id from ${optionsOf(scopes)} where ${withOptions}::boolean
    ) order by s.id for update`);
  return rows.map(({ id }) => userAggregate(id));
};

/** Deletes the options in scopes, those of users and the scopes' own, and their revisions. */
const removeOptions = async (tx: Session, scopes: readonly Scope[]): Promise<void> => {
  const rows = await tx.rows(sql<{ user_id: string }>`
    delete from user_option o using ${rowsOf(scopes)}
    where o.scope_kind = w.scope_kind and o.scope_id = w.scope_id and o.scope_kind > 0 returning o.user_id::text`);
  await forgetRevisions(
    tx,
    scopes,
    rows.map(({ user_id }) => user_id),
  );
  await tx.rows(sql`delete from scope_option o using ${rowsOf(scopes)} where o.scope_kind = w.scope_kind and o.scope_id = w.scope_id`);
};

/** Marks scopes as purged: no read shows their options any more, and the purger deletes these. */
const markPurged = (tx: Session, scopes: readonly Scope[]) =>
  tx.rows(sql`
    insert into purged_scope (scope_kind, scope_id) select scope_kind, scope_id from ${rowsOf(scopes)} order by 1, 2
    on conflict (scope_kind, scope_id) do nothing`);

/**
 * Removes what has scopes, and deletes their options or, when these are many, marks the scopes as purged. `removeThem` removes the rows,
 * after resources of kinds (`kindsAggregate` says in which order locks are taken). Returns the aggregates that were changed.
 */
const removeScopes = async (
  tx: Session,
  scopes: readonly Scope[],
  organizationId: bigint | undefined,
  removeThem: () => Promise<readonly Aggregate[]>,
): Promise<readonly Aggregate[]> => {
  const few = await areFew(tx, scopes);
  const users = await lockUsers(tx, scopes, organizationId, few);
  // First, since a write of an option locks these rows where scopes are checked: what it wrote is seen below.
  const kinds = await removeThem();
  if (few) await removeOptions(tx, scopes);
  else await markPurged(tx, scopes);
  return [...scopes.map(aggregateOfScope), ...users, ...kinds];
};

const removeProject = (tx: Session, id: bigint): Promise<readonly Aggregate[]> =>
  removeScopes(tx, [{ kind: ScopeKind.PROJECT, id }], undefined, async () => {
    const kinds = await dropReferences(tx, "project", [String(id)]);
    await removeRows(tx, "project", [id]);
    return kinds;
  });

const removeOrganization = async (tx: Session, id: bigint): Promise<readonly Aggregate[]> => {
  const locked = await tx.rows(sql<{ id: bigint }>`
    select s.id from aggregate_version s where s.kind = 'project' and s.id in (select id from project where organization_id = ${id})
    order by s.id for update`);
  const scopes: Scope[] = [{ kind: ScopeKind.ORGANIZATION, id }, ...locked.map((project) => ({ kind: ScopeKind.PROJECT, id: project.id }))];
  return removeScopes(tx, scopes, id, async () => {
    const kinds = await dropResourcesOf(tx, id);
    await removeRows(tx, "organization", [id]);
    return kinds;
  });
};

const removeTeam = async (tx: Session, id: bigint): Promise<readonly Aggregate[]> => {
  const kinds = await dropReferences(tx, "team", [String(id)]);
  await removeRows(tx, "team", [id]);
  return kinds;
};

/**
 * The functions that purge an organization, a project or a team, and the aggregate to lock for each, keyed by table. Organizations come first,
 * since projects and teams are purged with them.
 */
export const purgeable = {
  organization: { aggregate: "organization", aggregateId: "id", remove: removeOrganization },
  project: { aggregate: "project", aggregateId: "id", remove: removeProject },
  team: { aggregate: "organization", aggregateId: "organization_id", remove: removeTeam },
} as const;

/** The name of a table in `purgeable`: `organization`, `project` or `team`. */
export type Purgeable = keyof typeof purgeable;
