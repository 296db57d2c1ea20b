import { type RawBuilder, sql } from "kysely";

/** Makes the SQL condition that the user in the alias `user` is present: active, not suspended and not deleted, whatever `is_unclaimed` says. */
export const presentUser = (user: string): RawBuilder<boolean> =>
  sql`(${sql.ref(`${user}.is_active`)} and not ${sql.ref(`${user}.is_suspended`)} and ${sql.ref(`${user}.delete_time`)} is null)`;

/** Tells whether the user of a row is present, as `presentUser` does in SQL. */
export const isPresent = (row: {
  readonly is_active: boolean;
  readonly is_suspended: boolean;
  readonly delete_time: Date | null;
}): boolean => row.is_active && !row.is_suspended && row.delete_time === null;
