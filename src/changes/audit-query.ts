import { type RawBuilder, type Selectable, sql } from "kysely";
import { type AuditFilter, AuditOperation } from "../gen/userd/v1/audit_entry_pb.ts";
import { momentOf } from "../moment.ts";
import type { Schema } from "../schema/entities.ts";

/** A row of the change log, as ListAuditEntries selects it. */
export type ChangeRow = Omit<Selectable<Schema["changes"]>, "version" | "xid">;

/** A row of a page; `reached` is the id down to which the log was looked at, or 0 for all of it. Without an id it is no entry. */
type PageRow = { readonly reached: bigint } & (ChangeRow | { readonly id: null });

/** The names of operations in the log. */
const operationNames: ReadonlyMap<AuditOperation, string> = new Map([
  [AuditOperation.INSERT, "insert"],
  [AuditOperation.UPDATE, "update"],
  [AuditOperation.DELETE, "delete"],
  [AuditOperation.REVEAL, "reveal"],
]);

/**
 * The most entries that a page looks at. Conditions beside the one whose index is walked may be met by few of them: then the page is short, and
 * the next one goes on from there.
 */
const MAX_LOOKED_AT = 10_000;
const MIN_PER_RANGE = 50;

const columns = sql.raw(
  "id, change_time, kind, key, operation, changed_columns, aggregate_kind, aggregate_id, caller, acting_user_id, request_id, changed, project_id, reason",
);

type Condition = RawBuilder<unknown>;

const all = (conditions: readonly Condition[]): Condition => (conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `));

/** The ranges of one index that hold all entries that meet a condition: rows `s`, and the condition on an entry `c` that belongs to `s`. */
type Ranges = { readonly rows: Condition; readonly holds: Condition; readonly count: number };

const one = (holds: Condition): Ranges => ({ rows: sql`(values (1)) as s (whole)`, holds, count: 1 });

/** Entries of aggregates. The rows of `others` are further aggregates, as kind and id. */
const ofAggregates = (pairs: readonly (readonly [kind: string, id: bigint])[], others?: Condition): Ranges => ({
  rows: sql`(
    select kind, id from unnest(${pairs.map(([kind]) => kind)}::text[], ${pairs.map(([, id]) => String(id))}::bigint[]) as t (kind, id)
    ${others === undefined ? sql`` : sql`union all ${others}`}) as s (kind, id)`,
  holds: sql`c.aggregate_kind = s.kind and c.aggregate_id = s.id`,
  count: pairs.length,
});

/** All kinds that the log has entries of, by one look at the index for each. */
const allKinds = sql`(
  with recursive kinds (kind) as (
    (select kind from changes order by kind limit 1)
    union all
    select (select c.kind from changes c where c.kind > k.kind order by c.kind limit 1) from kinds k where k.kind is not null
  ) select kind from kinds where kind is not null)`;
/** About as many kinds as there are. */
const KINDS = 60;

const ofKinds = (kinds: readonly string[], operations: readonly string[]): Ranges => ({
  rows: sql`(
    select k.kind, o.operation from ${kinds.length === 0 ? allKinds : sql`unnest(${kinds}::text[])`} as k (kind)
    cross join unnest(${operations}::text[]) as o (operation)) as s (kind, operation)`,
  holds: sql`c.kind = s.kind and c.operation = s.operation`,
  count: (kinds.length || KINDS) * operations.length,
});

/** The bounds of the ids of a period. Ids follow times but for moments: between two milestones, which are one of 1,024 entries, anything can be. */
const idsSince = (start: Date): Condition => sql`c.id >= coalesce((
  select max(id) from changes where (id % 1024) = 0 and id < coalesce(
    (select min(id) from changes where (id % 1024) = 0 and change_time >= ${start}), 9223372036854775807)), 0)`;
const idsBefore = (end: Date): Condition => sql`c.id <= coalesce((
  select min(id) from changes where (id % 1024) = 0 and id > coalesce(
    (select max(id) from changes where (id % 1024) = 0 and change_time < ${end}), 0)), 9223372036854775807)`;

/** The conditions of a filter, each as the ranges of an index, the ones that hold the fewest entries first. */
const rangesOf = (filter: AuditFilter): readonly Ranges[] => {
  const { userId, organizationId, projectId, actingUserId, caller } = filter;
  const kinds = [...new Set(filter.kinds)];
  const operations = [...new Set(filter.operations)].flatMap((operation) => operationNames.get(operation) ?? []);
  const projects = sql`select 'project', id from project where organization_id = ${organizationId}`;
  return [
    ...(userId === 0n ? [] : [ofAggregates([["user", userId]])]),
    ...(projectId === 0n ? [] : [one(sql`c.project_id = ${projectId}`)]),
    ...(organizationId === 0n
      ? []
      : [
          ofAggregates(
            [
              ["organization", organizationId],
              ["kinds:organization", organizationId],
            ],
            projects,
          ),
        ]),
    ...(actingUserId === 0n ? [] : [one(sql`c.acting_user_id = ${actingUserId}`)]),
    ...(kinds.length === 0 && operations.length === 0
      ? []
      : [ofKinds(kinds, operations.length === 0 ? [...operationNames.values()] : operations)]),
    ...(caller === "" ? [] : [one(sql`c.caller = ${caller}`)]),
  ];
};

/**
 * Makes the statement that reads one page of the entries that meet a filter, the newest first, and one entry more. It walks the ranges of the
 * index that serves the narrowest condition, each from its newest entry on, and looks at a bounded number of entries.
 */
export const auditQuery = (filter: AuditFilter, size: number, after: bigint | undefined): RawBuilder<PageRow> => {
  const [walked = one(sql`true`), ...others] = rangesOf(filter);
  const [start, end] = [filter.startTime && momentOf(filter.startTime), filter.endTime && momentOf(filter.endTime)];
  const within = [
    walked.holds,
    ...(after === undefined ? [] : [sql`c.id < ${after}`]),
    ...(start ? [idsSince(start), sql`c.change_time >= ${start}`] : []),
    ...(end ? [idsBefore(end), sql`c.change_time < ${end}`] : []),
  ];
  const fair = Math.max(MIN_PER_RANGE, Math.floor(MAX_LOOKED_AT / walked.count));
  const perRange = others.length === 0 ? Math.min(fair, size + 1) : fair;
  const rest = others.map(({ rows, holds }) => sql`exists (select from ${rows} where ${holds})`);
  return sql<PageRow>`
    with ranges as (select row_number() over () as n, s.* from ${walked.rows}),
    looked_at as materialized (
      select s.n, c.* from ranges s cross join lateral (
        select ${columns} from changes c where ${all(within)} order by c.id desc limit ${perRange}) c
    ), reached as (
      select coalesce(max(lowest), 0)::bigint as id
      from (select min(id) as lowest from looked_at group by n having count(*) = ${perRange}) full_ranges
    )
    select r.id as reached, e.* from reached r left join lateral (
      select ${columns} from looked_at c where c.id >= r.id and ${all(rest)} order by c.id desc limit ${size + 1}) e on true`;
};
