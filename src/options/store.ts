import { sql } from "kysely";
import { compiled, place } from "../db/compiled.ts";
import type { Tx } from "../db/transaction.ts";
import type { DomainError } from "../errors.ts";
import { storedMoment } from "../moment.ts";
import { userAggregate } from "../versions/aggregate.ts";
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

/** The option that the database has stored, as columns; times are in milliseconds since the epoch. */
type StoredColumns = readonly [
  id: string,
  value: StoredRow["value"],
  bytes: number,
  version: number,
  createTime: number,
  updateTime: number,
  locked: boolean,
  added: boolean,
  grownBy: number,
  created: boolean,
  usedOptions: number,
  usedBytes: number,
];

const storingOne = compiled(sql<{ answer: string }>`select store_option(
  ${place("caller")}, ${place("actingUserId")}, ${place("requestId")}, ${place("reason")}, ${place("left")}, ${place("userId")}, ${place("scopeKind")}, ${place("scopeId")},
  ${place("key")}, ${place("json")}, ${place("expireTime")}, ${place("areRegistered")}) as answer`);

/** The answer of `store_option`: its general form in JSON, and that of a changed option as words (lean-option-writes/store-option.ts). */
const readStored = (answer: string, json: string): { epoch: string; version: string; option?: StoredColumns } => {
  if (answer.startsWith("{")) {
    const { epoch, versions, option } = JSON.parse(answer);
    return { epoch, version: versions[0], option };
  }
  const [epoch = "", version = "", id = "", ofOption, size, created, updated, isLocked, grownBy, wasExpired, options, bytes] =
    answer.split(" ");
  return {
    epoch,
    version,
    option: [
      id,
      JSON.parse(json),
      Number(size),
      Number(ofOption),
      Math.round(Number(created)),
      Math.round(Number(updated)),
      isLocked === "t",
      false,
      Number(grownBy),
      wasExpired === "t",
      Number(options ?? 0),
      Number(bytes ?? 0),
    ],
  };
};

/** Stores one option, which is what most calls do, by a statement that is the whole write. */
const setOne = async (tx: Tx, { areRegistered }: App["optionScopes"], { userId, scope, key, json, expireTime }: OptionWrite) => {
  const wanted = {
    userId: String(userId),
    scopeKind: String(scope.kind),
    scopeId: String(scope.id),
    key,
    json,
    expireTime: expireTime === null ? null : expireTime.toISOString(),
    areRegistered: areRegistered ? "t" : "f",
  };
  const { option } = await tx.whole(
    userAggregate(userId),
    (writer) => storingOne({ ...writer, ...wanted }),
    (answer) => readStored(answer, json),
  );
  if (option === undefined) return [];
  const [id, value, bytes, version, createTime, updateTime, locked, added, grownBy, created, usedOptions, usedBytes] = option;
  const row: StoredRow = {
    id: BigInt(id),
    user_id: userId,
    scope_kind: scope.kind,
    scope_id: scope.id,
    key,
    value,
    bytes,
    version,
    create_time: storedMoment(createTime),
    update_time: storedMoment(updateTime),
    expire_time: expireTime,
    locked,
    added,
    grown_by: grownBy,
    created,
    used_options: usedOptions,
    used_bytes: usedBytes,
  };
  return [row];
};

/**
 * Stores options by one statement. Returns rows of changed options only, in the order of the writes, with the usage of each user that gets
 * more. All parts but the first see the state before it, of which they read no values: those may be large.
 */
const insertOptions = async (tx: Tx, scopes: App["optionScopes"], writes: readonly OptionWrite[]): Promise<readonly StoredRow[]> => {
  const [single] = writes;
  if (single !== undefined && writes.length === 1) return setOne(tx, scopes, single);
  const { before, isOpen } = scopes.openFor(writes.map(({ scope }) => scope));
  const rows = await tx.rows(sql<StoredRow>`
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
