/** The SQL statement that reads the columns of the database that name a user, as `table` and `column`. */
export const USER_COLUMNS = `
  select c.relname as table, a.attname as column from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and not a.attisdropped
    and a.atttypid in ('bigint'::regtype, 'bigint[]'::regtype) and (a.attname ~ 'user' or exists (
      select from pg_constraint f where f.conrelid = c.oid and f.contype = 'f' and f.confrelid = 'users'::regclass and a.attnum = any(f.conkey)))
  order by 1, 2`;

/** A column of a table. */
export type TableColumn = { readonly table: string; readonly column: string };

/** The columns that keep the id of a user who is erased, and why. */
export const keptIds: Readonly<Record<string, string>> = {
  "changes.acting_user_id": "the audit trail keeps ids until the end of its retention",
  "option_revision.acting_user_id": "the history of somebody else's option keeps the id of who wrote",
};
