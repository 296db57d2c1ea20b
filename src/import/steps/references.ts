import { sql } from "kysely";
import { readers } from "../readers/index.ts";
import { knownUserModels, users } from "../readers/user-staging.ts";
import type { StagingTable } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { skip } from "./rows.ts";

/** Models that hold something else: whatever else was skipped is a user, also of a model that only the file knows. */
const otherModels = readers.filter((reader) => reader.into !== users).map((reader) => `'${reader.model}'`);

const known = knownUserModels.map((model) => `'${model}'`).join(", ");

/**
 * Finds the users that rows belong to, by pk or natural key: users of the file, wherever they stand in it, then users
 * that are here. A row of a user that was skipped is skipped: its id may be somebody else's here. A row
 * that names no user has none.
 */
export const resolveUsers = async (tx: ImportTx, staging: StagingTable): Promise<void> => {
  const find = (from: string, where: string) =>
    sql.raw(`update ${staging.name} t set user_id = u.id from ${from} u where t.user_id is null and ${where}`).execute(tx.sql, tx.abort);
  /** Whoever kept the name comes first among the users of the file that share it. */
  const named = (column: string) =>
    `(select distinct on (${column}) ${column}, id from import_user order by ${column}, (username_handle <> natural_handle), pk)`;

  await find("import_user", "u.pk = t.user_pk");
  await find(named("natural_name"), "u.natural_name = t.user_name");
  await find(named("natural_handle"), "u.natural_handle = t.user_handle");
  // A model of a project's own may have the address for its natural key, also where it has usernames.
  await find(
    `(select email_handle, min(id) as id from import_user where email_handle <> '' and model not in (${known}) group by email_handle having count(*) = 1)`,
    "u.email_handle = t.user_handle",
  );
  await skip(
    tx,
    staging,
    "its user was skipped",
    `t.user_id is null and (
      t.user_pk in (select pk from import_skip where model not in (${otherModels.join(", ")}) and pk is not null)
      or t.user_handle in (select username_handle from import_conflict))`,
  );
  await find("users", "u.id = t.user_pk");
  await find("users", "u.username_handle = t.user_handle");
  await skip(
    tx,
    staging,
    "its user is neither in the file nor here",
    "t.user_id is null and (t.user_pk is not null or t.user_name is not null)",
  );
};
