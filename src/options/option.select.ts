import { sql } from "kysely";
import type { OptionRow } from "./option.mapping.ts";

/** The columns of a user option, for a select from user_option in the alias `o`. */
export const optionColumns = sql.raw(
  "o.id, o.user_id, o.scope_kind, o.scope_id, o.key, o.value, o.bytes, o.create_time, o.update_time, o.expire_time, o.version",
);

/** The SQL condition that the option in the alias `o` has not expired. An expired option reads as absent, even while its row exists. */
export const alive = sql.raw("(o.expire_time is null or o.expire_time > statement_timestamp())");

/** A row of a left join of users and their options: a user's id and one option. For a user without options, the option's columns are null. */
export type OptionOfUser = { readonly found_user: bigint } & (OptionRow | { readonly id: null });

/** Returns the options in the rows of a left join (`OptionOfUser`), without the rows of users that have no options. */
export const optionsIn = (rows: readonly OptionOfUser[]): OptionRow[] =>
  rows.filter((row): row is { found_user: bigint } & OptionRow => row.id !== null);
