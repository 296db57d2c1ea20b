import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import { dropReferences, dropResourcesOf, lockReferences, lockResourcesOf } from "../kinds/remove.ts";
import { type Scope, ScopeKind } from "../options/scope.ts";
import { aggregateOfScope } from "../options/target.ts";
import { type Aggregate, userAggregate } from "../versions/aggregate.ts";
import { removeRows } from "./owned-tables.ts";
import { deletionsIn, forgetLostOptions, forgetPresent, forgetRevisions, partingsIn, rowsOf } from "./scope-history.ts";

/**
 * The most options that are deleted in the transaction that purges their scopes. If there are more, the purger deletes all of them later, in
 * batches.
 */
export const OPTIONS_AT_ONCE = 10_000;

/** The SQL for the options `o` of users in scopes. Its condition on the kind is that of the index. */
const optionsOf = (scopes: readonly Scope[]) =>
  sql`${rowsOf(scopes)} join user_option o on o.scope_kind = w.scope_kind and o.scope_id = w.scope_id and o.scope_kind > 0`;

/** Tells whether the options in scopes, and those that were deleted there or have moved, are few enough to be deleted at once. */
export const areFew = async (tx: Session, scopes: readonly Scope[]): Promise<boolean> => {
  const rows = await tx.rows(sql`
    select from ${optionsOf(scopes)}
    union all
    select from ${rowsOf(scopes)} join scope_option o using (scope_kind, scope_id)
    union all
    select from ${deletionsIn(scopes)}
    union all
    select from ${partingsIn(scopes)}
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

/**
 * Deletes the options in scopes, those of users and the scopes' own, and the revisions of options that are or were there. Returns the numbers of rows.
 * They are counted by the statements that remove them, since nothing keeps writes out where scopes are not registered.
 */
const removeOptions = async (tx: Session, scopes: readonly Scope[]): Promise<Numbers> => {
  const present = await forgetPresent(tx, scopes);
  const options = await tx.affected(sql`
    delete from user_option o using ${rowsOf(scopes)}
    where o.scope_kind = w.scope_kind and o.scope_id = w.scope_id and o.scope_kind > 0`);
  const { revisions: former } = await forgetRevisions(tx, scopes);
  const defaults = await tx.affected(sql`
    delete from scope_option o using ${rowsOf(scopes)} where o.scope_kind = w.scope_kind and o.scope_id = w.scope_id`);
  return { user_option: options, option_revision: present + former, scope_option: defaults };
};

/** Marks scopes as purged: no read shows their options any more, and the purger deletes these. */
const markPurged = (tx: Session, scopes: readonly Scope[]) =>
  tx.rows(sql`
    insert into purged_scope (scope_kind, scope_id) select scope_kind, scope_id from ${rowsOf(scopes)} order by 1, 2
    on conflict (scope_kind, scope_id) do nothing`);

/** Numbers of rows by table. */
type Numbers = Readonly<Record<string, number>>;

/**
 * Something that is locked, and about to be purged: the aggregates that change with it, the function that removes the options in its scopes and counts
 * them, and the one that removes the rest. `isLater`: options are so many that the purger deletes them later.
 */
type Locked = {
  readonly isLater: boolean;
  readonly aggregates: readonly Aggregate[];
  readonly removeOptions: () => Promise<Numbers>;
  readonly removeRest: () => Promise<void>;
};

/**
 * Locks what has scopes. `lockKinds` locks the resources of kinds that go with it (`kindsAggregate` says in which order locks are taken), `lockRows` the
 * rows, and `removeThem` removes both. A write of an option locks the rows, too, where scopes are checked: so nothing comes in between any more.
 */
const lockScopes = async (
  tx: Session,
  scopes: readonly Scope[],
  organizationId: bigint | undefined,
  lockKinds: () => Promise<readonly Aggregate[]>,
  lockRows: () => Promise<unknown>,
  removeThem: (kinds: readonly Aggregate[]) => Promise<void>,
): Promise<Locked> => {
  const few = await areFew(tx, scopes);
  const users = await lockUsers(tx, scopes, organizationId, few);
  const kinds = await lockKinds();
  await lockRows();
  return {
    isLater: !few,
    aggregates: [...scopes.map(aggregateOfScope), ...users, ...kinds],
    removeOptions: async () => {
      const lost = { merge_discard: await forgetLostOptions(tx, scopes) };
      if (few) return { ...lost, ...(await removeOptions(tx, scopes)) };
      await markPurged(tx, scopes);
      return lost;
    },
    removeRest: () => removeThem(kinds),
  };
};

const lockProject = (tx: Session, id: bigint): Promise<Locked> =>
  lockScopes(
    tx,
    [{ kind: ScopeKind.PROJECT, id }],
    undefined,
    () => lockReferences(tx, "project", [String(id)]),
    () => tx.rows(sql`select from project where id = ${id} for update`),
    async (kinds) => {
      await dropReferences(tx, "project", [String(id)], kinds);
      await removeRows(tx, "project", [id]);
    },
  );

const lockOrganization = async (tx: Session, id: bigint): Promise<Locked> => {
  const locked = await tx.rows(sql<{ id: bigint }>`
    select s.id from aggregate_version s where s.kind = 'project' and s.id in (select id from project where organization_id = ${id})
    order by s.id for update`);
  const scopes: Scope[] = [{ kind: ScopeKind.ORGANIZATION, id }, ...locked.map((project) => ({ kind: ScopeKind.PROJECT, id: project.id }))];
  return lockScopes(
    tx,
    scopes,
    id,
    () => lockResourcesOf(tx, id),
    async () => {
      await tx.rows(sql`select from auth_provider where organization_id = ${id} for update`);
      // Before the organization, as writes of options do.
      await tx.rows(sql`select from project where organization_id = ${id} order by id for update`);
      await tx.rows(sql`select from organization where id = ${id} for update`);
    },
    async () => {
      await dropResourcesOf(tx, id);
      await removeRows(tx, "organization", [id]);
    },
  );
};

const lockTeam = async (tx: Session, id: bigint): Promise<Locked> => {
  const kinds = await lockReferences(tx, "team", [String(id)]);
  await tx.rows(sql`select from team where id = ${id} for update`);
  return {
    isLater: false,
    aggregates: kinds,
    removeOptions: async () => ({}),
    removeRest: async () => {
      await dropReferences(tx, "team", [String(id)], kinds);
      await removeRows(tx, "team", [id]);
    },
  };
};

/**
 * The functions that lock an organization, a project or a team with what goes with it, and the aggregate to lock before, keyed by table.
 * Organizations come first, since projects and teams are purged with them.
 */
export const purgeable = {
  organization: { aggregate: "organization", aggregateId: "id", lock: lockOrganization },
  project: { aggregate: "project", aggregateId: "id", lock: lockProject },
  team: { aggregate: "organization", aggregateId: "organization_id", lock: lockTeam },
} as const;

/** The name of a table in `purgeable`: `organization`, `project` or `team`. */
export type Purgeable = keyof typeof purgeable;
