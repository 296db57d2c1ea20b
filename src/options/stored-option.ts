import { type RawBuilder, sql } from "kysely";
import type { Tx } from "../db/write.ts";
import type { OptionRow } from "./option.mapping.ts";
import { alive, optionColumns } from "./option.select.ts";
import type { OptionScopes } from "./option-scopes.ts";
import type { Scope } from "./scope.ts";

/** What identifies an option of a user: the user, the scope and the key. */
export type OptionKey = { readonly userId: bigint; readonly scope: Scope; readonly key: string };

/** A row of a stored option. `locked` tells whether a locked scope option, of the same scope or the global one, hides the option. */
export type StoredOption = OptionRow & { readonly locked: boolean };

/**
 * Makes the name of an option as one text, for the keys of maps. Different options never get the same text: only its last part, the key, is free
 * text.
 */
export const nameOf = ({ userId, scope, key }: OptionKey): string => `${userId}/${scope.kind}/${scope.id}/${key}`;

/** Makes the name of the option that a row holds, as `nameOf` does. */
export const nameOfRow = (row: OptionRow): string =>
  nameOf({ userId: row.user_id, scope: { kind: row.scope_kind as Scope["kind"], id: row.scope_id }, key: row.key });

/** The SQL column `locked`: whether a locked scope option, of the same scope or the global one, hides the option in the alias `o`. */
export const isLocked = sql.raw(`exists (
  select from scope_option l
  where l.key = o.key and l.locked and (l.scope_kind = 0 or (l.scope_kind = o.scope_kind and l.scope_id = o.scope_id))) as locked`);

/** Makes the arguments of SQL's `unnest` for the names of options (user, scope, key): four arrays, whatever the number of options. */
export const keyColumns = (options: readonly OptionKey[]) => sql`
  ${options.map(({ userId }) => String(userId))}::bigint[],
  ${options.map(({ scope }) => scope.kind)}::smallint[],
  ${options.map(({ scope }) => String(scope.id))}::bigint[],
  ${options.map(({ key }) => key)}::text[]`;

/** Reads the rows of the given options that meet the SQL condition `which` on the alias `o`, as a map from name (`nameOf`) to row. */
export const optionRows = async (tx: Tx, options: readonly OptionKey[], which: RawBuilder<unknown>): Promise<Map<string, StoredOption>> => {
  if (options.length === 0) return new Map();
  const rows = await tx.rows(sql<StoredOption>`
    select ${optionColumns}, ${isLocked}
    from unnest(${keyColumns(options)}) as w (user_id, scope_kind, scope_id, key)
    join user_option o on (o.user_id, o.scope_kind, o.scope_id, o.key) = (w.user_id, w.scope_kind, w.scope_id, w.key)
    where ${which}`);
  return new Map(rows.map((row) => [nameOfRow(row), row]));
};

/**
 * Reads options, except expired ones and those of deleted scopes, as a map from name (`nameOf`) to row. The users have to be locked already,
 * so that the options can't change until the commit.
 */
export const storedOptions = (tx: Tx, { live }: OptionScopes, options: readonly OptionKey[]): Promise<Map<string, StoredOption>> =>
  optionRows(tx, options, sql`${alive} and ${live}`);

/** Reads one option as `storedOptions` does; undefined = there is none. */
export const storedOption = async (tx: Tx, scopes: OptionScopes, option: OptionKey): Promise<StoredOption | undefined> =>
  (await storedOptions(tx, scopes, [option])).get(nameOf(option));
