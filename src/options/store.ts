import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { alive, optionColumns } from "./option.select.ts";
import type { OptionScopes } from "./option-scopes.ts";
import { isLocked, keyColumns, nameOf, nameOfRow, type OptionKey, optionRows, type StoredOption } from "./stored-option.ts";

/** An option to store. */
export type OptionWrite = OptionKey & {
  /** The value in canonical form: JSON text. */
  readonly json: string;
  /** From then on it reads as absent; null = never. */
  readonly expireTime: Date | null;
};

/** What became of one write. */
export type Stored = {
  readonly row: StoredOption;
  /** There was no such option, or it had expired. */
  readonly created: boolean;
  readonly changed: boolean;
};

/**
 * Stores options, each of another name, in one statement; those that are there already, with an equal value and
 * expire_time, are left alone: no row comes back for them. `created` is read from the state before the statement, so an
 * option that had expired counts as new. The users have to be locked.
 * @returns what became of each write; undefined = its scope is not open, or its user is unknown or deleted and had no such option.
 */
export const storeOptions = async (
  tx: Tx,
  scopes: OptionScopes,
  writes: readonly OptionWrite[],
): Promise<readonly (Stored | undefined)[]> => {
  if (writes.length === 0) return [];
  const { before, isOpen } = scopes.gate(writes.map(({ scope }) => scope));
  const { rows } = await sql<StoredOption & { created: boolean }>`
    ${before} insert into user_option as o (user_id, scope_kind, scope_id, key, value, expire_time, create_time, update_time)
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
    returning ${optionColumns}, ${isLocked}, not exists (
      select from user_option b
      where (b.user_id, b.scope_kind, b.scope_id, b.key) = (o.user_id, o.scope_kind, o.scope_id, o.key)
        and (b.expire_time is null or b.expire_time > statement_timestamp())) as created`.execute(tx.sql, tx.abort);
  const changed = new Map(rows.map((row) => [nameOfRow(row), row]));
  const others = writes.filter((write) => !changed.has(nameOf(write)));
  const unchanged = await optionRows(tx, others, scopes.live);
  return writes.map((write) => {
    const row = changed.get(nameOf(write));
    if (row !== undefined) return { row, created: row.created, changed: true };
    const same = unchanged.get(nameOf(write));
    return same && { row: same, created: false, changed: false };
  });
};
