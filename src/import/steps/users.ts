import { sql } from "kysely";
import { userColumns, users } from "../readers/user-staging.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { insertRows, keepAbsent, matchRows, updateRows } from "./rows.ts";
import { indexLater } from "./search.ts";
import { sqlAbout } from "./stands.ts";
import type { Target } from "./target.ts";

/** Columns that belong to a password. */
const credentials = ["password", "last_password_change", "is_password_expired", "session_nonce"];

const target: Target = {
  staging: users,
  key: [],
  columns: { username: "null", username_canonical: "null", ...userColumns },
  stamps: { version: "t.version + 1" },
  stamp: { column: "last_password_change", of: credentials },
};

/** Writes when users were last seen, never an earlier time: the service may have seen them since. Notes those whom it has seen later. */
const mergeActivity = async (tx: ImportTx): Promise<void> => {
  const later = (name: string) =>
    `case when a.${name} > coalesce(s.${name}, '-infinity') and not '${name}' = any(s.absent) then '${name}' end`;
  await tx.rows(
    sql.raw(`
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'seen here later than the file says, which stands', ${sqlAbout("later")}
    from (
      select s.*, concat_ws(', ', ${later("last_login")}, ${later("last_active")}) as later
      from import_user s join user_activity a on a.user_id = s.id where not s.is_joined
    ) listed where later <> ''`),
  );
  await tx.rows(sql`
    with seen as (
      insert into user_activity as a (user_id, last_login, last_active)
      select id, last_login, last_active from import_user where (last_login is not null or last_active is not null) and not is_joined order by id
      on conflict (user_id) do update set
        last_login = greatest(a.last_login, excluded.last_login), last_active = greatest(a.last_active, excluded.last_active)
        where (a.last_login, a.last_active) is distinct from
          (greatest(a.last_login, excluded.last_login), greatest(a.last_active, excluded.last_active))
      returning user_id
    )
    update import_user s set outcome = 'updated' from seen where s.id = seen.user_id and s.outcome = 'unchanged'`);
};

/** The system user stays active (U39), whatever the file says. */
const keepSystemUser = (tx: ImportTx) =>
  tx.rows(sql`
    with kept as (
      update import_user s set is_active = u.is_active, is_suspended = u.is_suspended from users u
      where u.id = s.id and u.username_canonical = ${tx.systemUser.canonical}
        and (u.is_active and not s.is_active or s.is_suspended and not u.is_suspended)
      returning s.model, s.record, s.pk, s.id
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, 'the system user stays active', format('user %s', id) from kept`);

/**
 * Matches by the name too: a user that the service stored since the comparison may have the same id, and is another one. Storing the file's
 * user is a unique violation then, which begins the merge anew (import.ts).
 */
const MATCH = "t.id = s.id and t.username_canonical = s.username_canonical";

/**
 * Finds the staged users that are stored already, and sets whether each is updated or unchanged. Call it before addresses and versions of
 * canonical names are written.
 */
export const matchUsers = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, users)) return;
  const all = `{${Object.keys(target.columns).join(",")}}`;
  if (tx.onConflict === "merge") await tx.rows(sql`update import_user set absent = absent || ${all}::text[] where is_joined`);
  await keepAbsent(tx, target, MATCH);
  await keepSystemUser(tx);
  await matchRows(tx, target, MATCH);
};

/** Keeps the external ids that are to change: look-ups by them find nobody from now on. */
const noteFormer = (tx: ImportTx) =>
  tx.rows(sql`update import_user s set former_external_id = t.external_id from users t
    where t.id = s.id and s.outcome = 'updated' and t.external_id is distinct from s.external_id`);

/** Writes the users that are new or differ, and the times of their last sign-in and activity. Call it after `matchUsers`. */
export const writeUsers = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, users)) return;
  await noteFormer(tx);
  await updateRows(tx, target);
  await indexLater(tx);
  await insertRows(tx, target);
  await mergeActivity(tx);
};
