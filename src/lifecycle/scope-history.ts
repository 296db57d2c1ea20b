import { type RawBuilder, sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { Scope } from "../options/scope.ts";

/** Makes the SQL for scopes as rows `w`. */
export const rowsOf = (scopes: readonly Scope[]) =>
  sql`unnest(${scopes.map(({ kind }) => kind)}::smallint[], ${scopes.map(({ id }) => String(id))}::bigint[]) as w (scope_kind, scope_id)`;

/**
 * Notes the scopes in which the history of options has stayed with users from whom a merge, or its undoing, has moved them. A trigger does so when
 * options move; call it after the rows of options and merges were stored as they are.
 */
export const notePartings = (tx: Session) =>
  tx.rows(sql`
    insert into parted_history (user_id, scope_kind, scope_id)
    select distinct r.user_id, r.scope_kind, r.scope_id from (
      select id as user_id from users where merged_into_user_id is not null
      union
      select m.target_user_id from user_merge m join users u on u.id = m.target_user_id where m.undo_time is not null
    ) p join option_revision r using (user_id) where r.scope_kind > 0
    on conflict do nothing`);

/** Makes the condition on revisions `x` that they are of options which are in scopes, or were there. `inScope` is the condition on the scope. */
export const isHistoryIn = (inScope: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  ${inScope} and user_id in (
    select user_id from user_option where ${inScope}
    union all
    select user_id from option_revision where ${inScope} and value is null
    union all
    select user_id from parted_history where ${inScope})`;

/** Makes the SQL for the deletions `d` in scopes. Its condition is that of the index. */
export const deletionsIn = (scopes: readonly Scope[]) =>
  sql`${rowsOf(scopes)} join option_revision d on d.scope_kind = w.scope_kind and d.scope_id = w.scope_id and d.scope_kind > 0 and d.value is null`;

/** Makes the SQL for those who have parted `p` from options in scopes. */
export const partingsIn = (scopes: readonly Scope[]) =>
  sql`${rowsOf(scopes)} join parted_history p on p.scope_kind = w.scope_kind and p.scope_id = w.scope_id`;

/** Makes the statement part for the users `f` who have deletions in scopes, or have parted from options there, with the scope of each. */
const formerIn = (scopes: readonly Scope[], limit?: number) => sql`
  former as (
    select d.user_id, d.scope_kind, d.scope_id from ${deletionsIn(scopes)}
    union
    select p.user_id, p.scope_kind, p.scope_id from ${partingsIn(scopes)}
    limit ${limit ?? null}
  )`;

const deleteOf = (users: RawBuilder<unknown>, table = sql`option_revision`) => sql`
  delete from ${table} r using ${users} f
  where r.user_id = f.user_id and r.scope_kind = f.scope_kind and r.scope_id = f.scope_id`;

/** What was deleted of the history of options: the revisions that the transaction itself has not written, and the users whose they were. */
type Forgotten = { readonly revisions: number; readonly users: number };

/** Deletes the revisions of options that were deleted in scopes, or have moved, since revisions hold values: of some users, as many as `limit`. */
export const forgetRevisions = (tx: Session, scopes: readonly Scope[], limit?: number): Promise<Forgotten> =>
  tx.one(sql<Forgotten>`
    with ${formerIn(scopes, limit)}, gone as (${deleteOf(sql`former`)} returning r.xmin), noted as (${deleteOf(sql`former`, sql`parted_history`)})
    select (count(*) filter (where xmin <> pg_current_xact_id()::xid))::int as revisions, (select count(*)::int from former) as users from gone`);

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
