import { sql } from "kysely";
import { type Compiled, compiled, place } from "../db/compiled.ts";
import type { Tx } from "../db/transaction.ts";
import type { DomainError } from "../errors.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { alive, optionColumns } from "./option.select.ts";
import { type Growth, refusalsByName } from "./quota.ts";
import { isLocked, keyColumns, nameOf, nameOfRow, type OptionKey, optionRows, type StoredOption } from "./stored-option.ts";

/** An option to store: its name, its value and the time when it expires. */
export type OptionWrite = OptionKey & {
  /** The value in canonical form, as JSON text. */
  readonly json: string;
  /** The time from which the option reads as absent; null = never. */
  readonly expireTime: Date | null;
};

/** The result of storing one option: the option's row, and whether the write created or changed the row. */
export type Stored = {
  readonly row: StoredOption;
  /** Tells whether there was no such option before, or it had expired. */
  readonly created: boolean;
  readonly changed: boolean;
};

type App = Pick<OptionDependencies, "optionScopes" | "quotas">;

type StoredRow = StoredOption & Growth & { readonly created: boolean };

/** The values of one option, in a statement that is compiled once. */
const one = {
  userId: sql`${place("userId")}::bigint`,
  scopeKind: sql`${place("scopeKind")}::smallint`,
  scopeId: sql`${place("scopeId")}::bigint`,
  key: sql`${place("key")}::text`,
};

const isOne = sql`x.user_id = ${one.userId} and x.scope_kind = ${one.scopeKind} and x.scope_id = ${one.scopeId} and x.key = ${one.key}`;

/** The part of an upsert behind its rows. */
const onConflict = sql`
      on conflict (user_id, scope_kind, scope_id, key) do update set
        value = excluded.value, expire_time = excluded.expire_time, update_time = excluded.update_time, version = o.version + 1,
        create_time = case when ${alive} then o.create_time else excluded.create_time end
        where (o.value, o.expire_time) is distinct from (excluded.value, excluded.expire_time) or not ${alive}
      returning ${optionColumns}`;

/** Makes the statement that stores one option, which is what most calls store; `insertOptions` says what it returns. */
const insertionOfOne = ({ openOne }: App["optionScopes"]): Compiled<StoredRow> => {
  const { before, isOpen } = openOne(one.scopeKind, one.scopeId);
  const usage = (what: string) => sql`case when b.id is null or o.bytes > b.bytes
    then (select ${sql.raw(what)} from user_option x where x.user_id = ${one.userId}) end`;
  return compiled(sql<StoredRow>`
    with ${before} b as materialized (
      select x.id, x.bytes, x.expire_time from user_option x where ${isOne}
    ), o as (
      insert into user_option as o (user_id, scope_kind, scope_id, key, value, expire_time, create_time, update_time)
      select u.id, ${one.scopeKind}, ${one.scopeId}, ${one.key}, ${place("json")}::jsonb, ${place("expireTime")}::timestamptz,
        statement_timestamp(), statement_timestamp()
      from users u where u.id = ${one.userId} and u.delete_time is null and ${isOpen(one.scopeKind, one.scopeId)}
      ${onConflict}
    )
    select ${optionColumns}, ${isLocked}, b.id is null as added, o.bytes - coalesce(b.bytes, 0) as grown_by,
      b.id is null or coalesce(b.expire_time <= statement_timestamp(), false) as created,
      coalesce(${usage("count(*)::int")}, 0) as used_options, coalesce(${usage("sum(x.bytes)::float8")}, 0) as used_bytes
    from o left join b on true`);
};

/** The statements for one option, by what decides which scopes are open. */
const insertions = new WeakMap<App["optionScopes"], Compiled<StoredRow>>();

const insertOne = (tx: Tx, scopes: App["optionScopes"], { userId, scope, key, json, expireTime }: OptionWrite) => {
  const insertion = insertions.get(scopes) ?? insertionOfOne(scopes);
  insertions.set(scopes, insertion);
  return tx.rows(insertion({ userId, scopeKind: scope.kind, scopeId: scope.id, key, json, expireTime }));
};

/**
 * Stores options by one statement. Returns rows of changed options only, in the order of the writes, with the usage of each user that gets
 * more. All parts but the first see the state before it, of which they read no values: those may be large.
 */
const insertOptions = async (tx: Tx, scopes: App["optionScopes"], writes: readonly OptionWrite[]): Promise<readonly StoredRow[]> => {
  const [single] = writes;
  if (single !== undefined && writes.length === 1) return insertOne(tx, scopes, single);
  const { before, isOpen } = scopes.openFor(writes.map(({ scope }) => scope));
  const rows = await tx.rows(sql<StoredRow>`
    with ${before} o as (
      insert into user_option as o (user_id, scope_kind, scope_id, key, value, expire_time, create_time, update_time)
      select w.user_id, scope_kind, scope_id, key, value::jsonb, expire_time, statement_timestamp(), statement_timestamp()
      from unnest(${keyColumns(writes)}, ${writes.map(({ json }) => json)}::text[], ${writes.map(({ expireTime }) => expireTime)}::timestamptz[])
        with ordinality as w (user_id, scope_kind, scope_id, key, value, expire_time, position)
        join users u on u.id = w.user_id and u.delete_time is null
      where ${isOpen(sql.raw("w.scope_kind"), sql.raw("w.scope_id"))}
      order by position ${onConflict}
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
  const rows = await insertOptions(tx, app.optionScopes, writes);
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
  const rows = await insertOptions(tx, app.optionScopes, writes);
  const refusals = refusalsByName(rows, app.quotas);
  if (refusals.size === 0) return outcomesOf(tx, app, writes, rows);
  // Seldom: without what is refused the others fit, since the users stay locked.
  await tx.rows(sql`rollback to savepoint before_options`);
  const fitting = writes.filter((write) => !refusals.has(nameOf(write)));
  const outcomes = await outcomesOf(tx, app, fitting, fitting.length === 0 ? [] : await insertOptions(tx, app.optionScopes, fitting));
  const byName = new Map(fitting.map((write, index) => [nameOf(write), outcomes[index]]));
  return writes.map((write) => refusals.get(nameOf(write)) ?? byName.get(nameOf(write)));
};
