import { sql } from "kysely";
import type { Together } from "../db/joining.ts";
import type { Tx } from "../db/write.ts";
import type { DomainError } from "../errors.ts";
import { changeOptions, type OptionWrite, type StoredRow, setOption } from "./changed-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { alive, optionColumns } from "./option.select.ts";
import { refusalsByName } from "./quota.ts";
import { ScopeKind } from "./scope.ts";
import { isLocked, keyColumns, nameOf, nameOfRow, optionRows, type StoredOption } from "./stored-option.ts";

/** The result of storing one option: the option's row, and whether the write created or changed the row. */
export type Stored = {
  readonly row: StoredOption;
  /** Tells whether there was no such option before, or it had expired. */
  readonly created: boolean;
  readonly changed: boolean;
};

type App = Pick<OptionDependencies, "optionScopes" | "quotas"> & {
  /** The way in which the write may go together with others, if it is of one option that is global or in a scope that nobody registers. */
  readonly together?: Together;
};

/**
 * Stores options by one statement. Returns rows of changed options only, with the usage of each user that gets more. All parts but the first see
 * the state before it, of which they read no values: those may be large.
 */
const upsertOptions = async (tx: Tx, scopes: App["optionScopes"], writes: readonly OptionWrite[]): Promise<readonly StoredRow[]> => {
  const { before, isOpen } = scopes.openFor(writes.map(({ scope }) => scope));
  return tx.rows(sql<StoredRow>`
    with ${before} o as (
      insert into user_option as o (user_id, scope_kind, scope_id, key, value, expire_time, create_time, update_time)
      select w.user_id, scope_kind, scope_id, key, value::jsonb, expire_time, statement_timestamp(), statement_timestamp()
      from unnest(${keyColumns(writes)}, ${writes.map(({ json }) => json)}::text[], ${writes.map(({ expireTime }) => expireTime)}::timestamptz[])
        with ordinality as w (user_id, scope_kind, scope_id, key, value, expire_time, position)
        join users u on u.id = w.user_id and u.delete_time is null
      where ${isOpen(sql.raw("w.scope_kind"), sql.raw("w.scope_id"))}
      order by position
      on conflict (user_id, scope_kind, scope_id, key) do update set
        value = excluded.value, expire_time = excluded.expire_time, update_time = excluded.update_time, version = o.version + 1,
        create_time = case when ${alive} then o.create_time else excluded.create_time end
        where (o.value, o.expire_time) is distinct from (excluded.value, excluded.expire_time) or not ${alive}
      returning ${optionColumns}
    ), written as (
      select o.*, b.id is null as added, o.bytes - coalesce(b.bytes, 0) as grown_by, b.id is null or b.expire_time <= statement_timestamp() as created
      from o left join lateral (
        select b.id, b.bytes, b.expire_time from user_option b
        where (b.user_id, b.scope_kind, b.scope_id, b.key) = (o.user_id, o.scope_kind, o.scope_id, o.key) limit 1
      ) b on true
    ), used as (
      select user_id, count(*)::int as options, sum(bytes)::float8 as bytes from user_option
      where user_id = any(array(select user_id from written where added or grown_by > 0)) group by user_id
    )
    select ${optionColumns}, ${isLocked}, o.added, o.grown_by, o.created,
      coalesce(used.options, 0) as used_options, coalesce(used.bytes, 0) as used_bytes
    from written o left join used using (user_id)`);
};

/** Stores options of one user: those that are there and change by the function for them, and the others as any. */
const storeOfUser = async (tx: Tx, scopes: App["optionScopes"], writes: readonly OptionWrite[]): Promise<readonly StoredRow[]> => {
  const { rows, usage } = await changeOptions(tx, writes);
  const changed = new Set(rows.map(nameOfRow));
  const others = writes.filter((write) => !changed.has(nameOf(write)));
  if (others.length === 0) return rows;
  // What the user had before all of it, and not between the two.
  const upserted = (await upsertOptions(tx, scopes, others)).map((row) => ({ ...row, ...usage }));
  return [...rows, ...upserted];
};

/** Stores options, and returns the rows of changed options only, in the order of the writes. */
const insertOptions = async (
  tx: Tx,
  { optionScopes: scopes, together }: App,
  writes: readonly OptionWrite[],
): Promise<readonly StoredRow[]> => {
  const [first] = writes;
  if (first === undefined) return [];
  const isOpen = ({ scope }: OptionWrite): boolean => scope.kind === ScopeKind.GLOBAL || !scopes.areRegistered;
  if (writes.length === 1) return setOption(tx, scopes.areRegistered, first, isOpen(first) ? together : undefined);
  const canChange = writes.every((write) => write.userId === first.userId && isOpen(write));
  const rows = await (canChange ? storeOfUser : upsertOptions)(tx, scopes, writes);
  const byName = new Map(rows.map((row) => [nameOfRow(row), row]));
  return writes.flatMap((write) => byName.get(nameOf(write)) ?? []);
};

/** The outcomes of writes, in their order; undefined = the scope is not open, or the user is unknown, or deleted and had no such option. */
type Outcomes = readonly (Stored | undefined)[];

const outcomesOf = async (tx: Tx, { optionScopes }: App, writes: readonly OptionWrite[], rows: readonly StoredRow[]): Promise<Outcomes> => {
  const changed = new Map(rows.map((row) => [nameOfRow(row), row]));
  const others = writes.filter((write) => !changed.has(nameOf(write)));
  const unchanged = await optionRows(tx, others, optionScopes.live);
  return writes.map((write) => {
    const row = changed.get(nameOf(write));
    if (row !== undefined) return { row, created: row.created, changed: true };
    const same = unchanged.get(nameOf(write));
    return same && { row: same, created: false, changed: false };
  });
};

/**
 * Stores options, all or none; an option whose value and expire_time are stored already is not written. The names of the options have to differ,
 * and the users have to be locked already.
 * @throws RESOURCE_EXHAUSTED QUOTA_EXCEEDED.
 */
export const storeOptions = async (tx: Tx, app: App, writes: readonly OptionWrite[]): Promise<Outcomes> => {
  if (writes.length === 0) return [];
  const rows = await insertOptions(tx, app, writes);
  for (const refusal of refusalsByName(rows, app.quotas).values()) throw refusal;
  return outcomesOf(tx, app, writes, rows);
};

/** Stores options as `storeOptions` does, except that a write over a quota does not stop the others: its result is the error. */
export const storeEachOption = async (
  tx: Tx,
  app: App,
  writes: readonly OptionWrite[],
): Promise<readonly (Stored | DomainError | undefined)[]> => {
  if (writes.length === 0) return [];
  await tx.rows(sql`savepoint before_options`);
  const rows = await insertOptions(tx, app, writes);
  const refusals = refusalsByName(rows, app.quotas);
  if (refusals.size === 0) return outcomesOf(tx, app, writes, rows);
  // Seldom: without what is refused the others fit, since the users stay locked.
  await tx.rows(sql`rollback to savepoint before_options`);
  const fitting = writes.filter((write) => !refusals.has(nameOf(write)));
  const outcomes = await outcomesOf(tx, app, fitting, fitting.length === 0 ? [] : await insertOptions(tx, app, fitting));
  const byName = new Map(fitting.map((write, index) => [nameOf(write), outcomes[index]]));
  return writes.map((write) => refusals.get(nameOf(write)) ?? byName.get(nameOf(write)));
};
