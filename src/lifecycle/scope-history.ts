import { type RawBuilder, sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { Scope } from "../options/scope.ts";

/** Makes the SQL for scopes as rows `w`. */
export const rowsOf = (scopes: readonly Scope[]) =>
  sql`unnest(${scopes.map(({ kind }) => kind)}::smallint[], ${scopes.map(({ id }) => String(id))}::bigint[]) as w (scope_kind, scope_id)`;

/**
 * The users whose options have moved to somebody else, by a merge or its undoing: what was written for them stays their history, and no deletion
 * ends it.
 */
const parted = sql`
  select id as user_id from users where merged_into_user_id is not null
  union all
  select target_user_id from user_merge where undo_time is not null`;

/** Makes the condition on revisions `x` that they are of options which are in scopes, or were there. `inScope` is the condition on the scope. */
export const isHistoryIn = (inScope: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  ${inScope} and user_id in (
    select user_id from user_option where ${inScope}
    union all
    select user_id from option_revision where ${inScope} and value is null
    union all
    ${parted})`;

/** Makes the SQL for the deletions `d` in scopes. Its condition is that of the index. */
export const deletionsIn = (scopes: readonly Scope[]) =>
  sql`${rowsOf(scopes)} join option_revision d on d.scope_kind = w.scope_kind and d.scope_id = w.scope_id and d.scope_kind > 0 and d.value is null`;

/** Makes the statement part for the users `f` who have deletions in scopes, or have parted from options there, with the scope of each. */
const formerIn = (scopes: readonly Scope[], limit?: number) => sql`
  former as (
    select d.user_id, d.scope_kind, d.scope_id from ${deletionsIn(scopes)}
    union
    select r.user_id, r.scope_kind, r.scope_id from (${parted}) p join option_revision r using (user_id)
    join ${rowsOf(scopes)} on r.scope_kind = w.scope_kind and r.scope_id = w.scope_id
    limit ${limit ?? null}
  )`;

const deleteOf = (users: RawBuilder<unknown>) => sql`
  delete from option_revision r using ${users} f
  where r.user_id = f.user_id and r.scope_kind = f.scope_kind and r.scope_id = f.scope_id`;

/**
 * Deletes the revisions of options that were deleted in scopes, since revisions hold values: of some users, as many as `limit`. Returns the number of
 * those that the transaction itself has not written.
 */
export const forgetRevisions = async (tx: Session, scopes: readonly Scope[], limit?: number): Promise<number> => {
  const { number } = await tx.one(sql<{ number: number }>`
    with ${formerIn(scopes, limit)}, gone as (${deleteOf(sql`former`)} returning r.xmin)
    select (count(*) filter (where xmin <> pg_current_xact_id()::xid))::int as number from gone`);
  return number;
};

/** Deletes the revisions of options that are in scopes; returns their number. Call it before the options are deleted, which adds revisions. */
export const forgetPresent = (tx: Session, scopes: readonly Scope[]): Promise<number> =>
  tx.affected(
    deleteOf(sql`(
      select distinct o.user_id, o.scope_kind, o.scope_id from ${rowsOf(scopes)}
      join user_option o on o.scope_kind = w.scope_kind and o.scope_id = w.scope_id and o.scope_kind > 0)`),
  );

/** The SQL for the kind and the id of the scope of an option that has lost in a merge, of a row of `merge_discard`. */
export const lostScope = [sql`("row" ->> 'scope_kind')::smallint`, sql`("row" ->> 'scope_id')::bigint`] as const;

/** Deletes the options in scopes that have lost in merges: with an undone merge they would come back into what is gone. Returns their number. */
export const forgetLostOptions = (tx: Session, scopes: readonly Scope[]): Promise<number> =>
  tx.affected(sql`
    delete from merge_discard using ${rowsOf(scopes)} where table_name = 'user_option' and (${sql.join(lostScope)}) = (w.scope_kind, w.scope_id)`);
