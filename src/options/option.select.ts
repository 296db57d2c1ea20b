import { sql } from "kysely";
import type { OptionRow } from "./option.mapping.ts";

/** The columns of an option, in the alias `o`. */
export const optionColumns = sql.raw(
  "o.id, o.user_id, o.scope_kind, o.scope_id, o.key, o.value, o.bytes, o.create_time, o.update_time, o.expire_time, o.version",
);

/** The condition that the option `o` has not expired. From its expire_time on it reads as absent, swept or not. */
export const alive = sql.raw("(o.expire_time is null or o.expire_time > statement_timestamp())");

/** A user and one of its options; a user without options is one row of nulls. */
export type OptionOfUser = { readonly found_user: bigint } & (OptionRow | { readonly id: null });

/** The options in a result, without the rows of nulls for users that have none. */
export const optionsIn = (rows: readonly OptionOfUser[]): OptionRow[] =>
  rows.filter((row): row is { found_user: bigint } & OptionRow => row.id !== null);
