import { sql } from "kysely";
import { importedKinds } from "../kinds/staging.ts";
import { type ImportTx, isForeign } from "../transaction.ts";
import { skip } from "./skip.ts";
import type { StoredStaging, Target } from "./target.ts";

/** The names that the change log has for a row `t` of each table: the aggregate's kind and id, and the key. */
const logged: Readonly<Record<string, readonly [kind: string, id: string, key: string]>> = {
  users: ["'user'", "t.id", "t.id"],
  user_email: ["'user'", "t.user_id", "t.id"],
  user_option: ["'user'", "t.user_id", "concat_ws('/', t.scope_kind, t.scope_id, t.key)"],
  user_profile: ["'user'", "t.user_id", "t.id"],
  identity: ["'user'", "t.user_id", "t.provider_id"],
  auth_identity: ["'user'", "t.user_id", "t.provider_id"],
  authenticator: ["'user'", "t.user_id", "t.type"],
  role_member: ["'user'", "t.user_id", "t.role_id"],
  role: ["'roles'", "0", "t.id"],
  identity_provider: ["'global'", "0", "t.id"],
  auth_provider: ["'organization'", "t.organization_id", "t.id"],
  organization: ["'organization'", "t.id", "t.id"],
  project: ["'project'", "t.id", "t.id"],
  team: ["'organization'", "t.organization_id", "t.id"],
  organization_member: ["'organization'", "t.organization_id", "t.id"],
  scope_option: [
    "(array['global', 'organization', 'project'])[t.scope_kind + 1]",
    "t.scope_id",
    "concat_ws('/', t.scope_kind, t.scope_id, t.key)",
  ],
  account: ["'account'", "t.id", "t.id"],
  account_contact: ["'account'", "t.account_id", "t.id"],
  user_permission: ["'user'", "t.user_id", "left(t.permission, 128)"],
  team_member: ["'organization'", "t.organization_id", "concat_ws('/', t.team_id, t.member_id)"],
  project_team: ["'project'", "t.project_id", "t.team_id"],
  ...Object.fromEntries(
    importedKinds.flatMap(({ kind: { name, table, sharedBy }, links }) => [
      [table, sharedBy === undefined ? ["'kinds:organization'", "t.organization_id", "t.id"] : ["'kinds:shared'", "t.id", "t.id"]] as const,
      ...links.map(
        ({ link }) =>
          [link.table, ["'kinds:organization'", "t.organization_id", `concat_ws('/', t.${name}_id, t.${link.column})`] as const] as const,
      ),
    ]),
  ),
};

/** The name of imports in the change log (`changes.caller`). */
export const IMPORTER = "import";

/** The reason in notes about a column that keeps its value in the database. */
export const STANDS = "it was changed here since, which stands; --overwrite lets the file win";

/** Returns the SQL expression for a list of the columns in which a staged row `s` differs from the stored row `t`. */
export const sqlDiffering = (columns: readonly string[]): string =>
  `array_remove(array[${columns.map((name) => `case when s.${name} is distinct from t.${name} then '${name}' end`).join(", ")}], null)`;

/** Returns the SQL expression for the subject of a note: the record, followed by the expression `what`. */
export const sqlAbout = (what: string): string => `concat_ws(' ', model, pk, format('(record %s):', record), ${what})`;

/** The side that a row's time stamp calls newer; null if none, or if the file leaves the time stamp out. */
const newerOf = (stamp: string): string => `case when '${stamp}' = any(s.absent) then null
  when t.${stamp} > coalesce(s.${stamp}, '-infinity') then 'here' when s.${stamp} > coalesce(t.${stamp}, '-infinity') then 'file' end`;

/**
 * Makes an update keep the stored values that are newer than the file's: adds their columns to `absent` of the staged row, and notes the row. A
 * stored value is newer by the time stamp of its row or, without a time stamp, if its last change was not made by an import.
 * @returns whether any value was kept.
 */
export const keepChanged = async (tx: ImportTx, { staging, columns, stamp }: Target, compared: readonly string[]): Promise<boolean> => {
  const names = logged[staging.table];
  if (names === undefined) return false;
  const [kind, id, key] = names;
  const all = Object.keys(columns);
  const stamped = stamp === undefined ? [] : [...new Set([...(stamp.of ?? all), stamp.column])];
  // The folded form of a name goes without saying beside it.
  const isTold = "name not like '%\\_canonical'";
  const list = (given: readonly string[]) => `'{${given.join(",")}}'::text[]`;
  const rows = await tx.rows(
    sql.raw<{ kept: number }>(`
    with differing as materialized (
      select s.ctid as place, ${sqlDiffering(compared)} as columns, ${kind} collate "C" as kind, ${id}::bigint as id, (${key})::text as key,
        ${stamp === undefined ? "null" : newerOf(stamp.column)} as newer
      from ${staging.name} s join ${staging.table} t on t.id = s.id where s.outcome = 'updated'
    ), last as (
      select distinct on (d.place, name) d.place, d.columns, d.newer, name, c.caller
      from differing d
        join changes c on c.aggregate_kind = d.kind and c.aggregate_id = d.id and c.kind = '${staging.table}' and c.key = d.key and c.operation <> 'reveal'
        cross join lateral unnest(coalesce(c.changed_columns, ${list(all)})) as name
      order by d.place, name, c.id desc
    ), kept as (
      select place, name, name = any(columns) as is_said from last
        where caller <> '${IMPORTER}' and not (newer is not null and name = any(${list(stamped)}))
      union all
      select place, name, name = any(columns) from differing, unnest(${list(stamped)}) as name where newer = 'here'
    ), grouped as (
      select place, array_agg(name) as names, coalesce(
          string_agg(name, ', ' order by name) filter (where is_said and ${isTold}), string_agg(name, ', ') filter (where is_said)) as said
      from kept group by place having bool_or(is_said)
    ), marked as (
      update ${staging.name} s set absent = s.absent || g.names from grouped g where s.ctid = g.place
      returning s.model, s.record, s.pk, g.said
    ), noted as (
      insert into import_note (model, record, pk, reason, about)
      select model, record, pk, '${STANDS}', ${sqlAbout("said")} from marked
    )
    select count(*)::int as kept from marked`),
  );
  return (rows[0]?.kept ?? 0) > 0;
};

/** The reason why a removed record is not stored again. */
const REMOVED = "it was removed here since, which stands; --overwrite lets the file win";

/** The tables of which each aggregate has one row. When it is inserted anew, what was removed before no longer counts. */
const roots = "('user', 'users'), ('organization', 'organization'), ('project', 'project'), ('account', 'account')";

/** The condition in SQL on a change `p`: it is of an organization that is to share the staged resource `t`; false for other rows. */
const isOfSharer = (staging: StoredStaging): string => {
  const of = importedKinds.find((one) => one.staging === staging && one.kind.sharedBy !== undefined);
  const organizations = (of?.links ?? []).map(
    ({ staging: { name } }) => `select coalesce(o.id, l.organization_id_pk) from ${name} l
      left join import_organization o on o.pk = l.organization_id_pk where l.${of?.kind.name}_id_pk = t.pk`,
  );
  return of === undefined ? "false" : `p.aggregate_kind = 'organization' and p.aggregate_id in (${organizations.join(" union all ")})`;
};

/** The condition in SQL on a change `c`: userd did not make it by itself, as when it clears away options past their time. */
const ON_DEMAND = "c.caller not like 'userd %'";

/**
 * Skips rows without an outcome that an earlier import stored and that were removed since, such as a revoked permission. Where the change log
 * names rows by id, only rows with the file's id are recognized.
 * @param which the condition in SQL on the row `t` and on the change `c` that removed it.
 */
const skipWhereRemoved = async (tx: ImportTx, staging: StoredStaging, which: string): Promise<void> => {
  const names = logged[staging.table];
  if (names === undefined || tx.overwrite || tx.past.isEmpty) return;
  const [kind, id, key] = names.map((expression) => expression.replaceAll("t.id", "t.pk"));
  const isOf = (kind: string) => `p.aggregate_kind = ${kind} and p.aggregate_id = c.aggregate_id`;
  // The kinds of an organization begin anew with it, and so does what it shares.
  const isOfRoot = `(${isOf("replace(c.aggregate_kind, 'kinds:', '')")} or ${isOfSharer(staging)})`;
  await skip(
    tx,
    staging,
    REMOVED,
    `t.outcome is null and t.ctid in (
      with removed as materialized (
        select distinct on (c.aggregate_kind, c.aggregate_id, c.key) c.aggregate_kind, c.aggregate_id, c.key, c.id, c.caller
        from changes c join (select distinct ${kind} collate "C" as kind, ${id}::bigint as id from ${staging.name} t where outcome is null) s
          on c.aggregate_kind = s.kind and c.aggregate_id = s.id
        where c.kind = '${staging.table}' and c.operation = 'delete' order by c.aggregate_kind, c.aggregate_id, c.key, c.id desc
      )
      select t.ctid from ${staging.name} t join removed c
        on c.aggregate_kind = ${kind} collate "C" and c.aggregate_id = ${id} and c.key = (${key})::text
      where t.outcome is null and c.caller <> '${IMPORTER}' and ${which} and exists (
          select from changes p where ${isOf("c.aggregate_kind")} and p.operation = 'insert' and p.kind = '${staging.table}' and p.key = c.key and p.caller = '${IMPORTER}')
        and not exists (select from changes p where ${isOfRoot} and p.operation = 'insert' and p.id > c.id and (p.aggregate_kind, p.kind) in (${roots})))`,
  );
};

/**
 * Skips staged rows that an earlier import stored and a caller has removed since. Rows that userd removed by itself, such as expired options,
 * are stored again.
 */
export const skipRemoved = (tx: ImportTx, { staging }: Target): Promise<void> => skipWhereRemoved(tx, staging, ON_DEMAND);

/**
 * Skips staged users, organizations, projects, teams and resources of kinds if an earlier import stored them and they were removed since, by a
 * call or at the end of their grace period. Does nothing for a foreign file (`isForeign`), with `--ids new` or with `--overwrite`.
 */
export const skipPurged = async (tx: ImportTx, staging: StoredStaging): Promise<void> => {
  if (isForeign(tx) || tx.ids === "new") return;
  await skipWhereRemoved(tx, staging, `t.id is null and not exists (select from ${staging.table} x where x.id = t.pk)`);
};
