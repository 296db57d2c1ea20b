import { sql } from "kysely";
import { sqlNameDigest } from "../../db/canonical-names.ts";
import { isGiven, isLarge, type StagingTable } from "../staging.ts";
import { stagingTables } from "../summary.ts";
import type { ImportTx } from "../transaction.ts";
import { skipRepeated } from "./skip.ts";
import { IMPORTER } from "./stands.ts";

/** The staging tables whose rows belong to users. */
export const owned: readonly StagingTable[] = stagingTables.filter(({ columns }) => "user_pk" in columns);

/** The length up to which the change log is searched for imports. In a longer log an import is taken for granted. */
const SHORT_LOG = 100_000;

/** Key of the advisory lock of the one import that merges; any constant would do. */
const LOCK = 7_523_094_291;

/**
 * Waits until no other import merges, since two at a time would give the same ids to new rows. Then sets `tx.past`, which tells whether an
 * earlier import may have stored anything.
 */
export const lockImports = async (tx: ImportTx): Promise<void> => {
  await tx.rows(sql`select pg_advisory_xact_lock(${LOCK})`);
  const { none } = await tx.one(sql<{ none: boolean }>`
    select (select coalesce(max(id), 0) from changes) < ${SHORT_LOG} and not exists (select from changes where caller = ${IMPORTER}) as none`);
  tx.past.isEmpty = none;
};

const lookedUp = ["pk", "id", "record"] as const;
const names = ["slug", "username_canonical"] as const;

/** Analyzes and indexes the staging tables if one of them is large (`isLarge`). PostgreSQL does not analyze temporary tables by itself. */
export const analyze = async (tx: ImportTx): Promise<void> => {
  // Joins and sorts of millions of rows; one connection does this, one step at a time.
  await tx.rows(sql`select set_config('work_mem', '64MB', true), set_config('default_statistics_target', '10', true)`);
  if (!isLarge(tx)) return;
  // Columns that the steps look up row by row. Each update of a row writes all indexes: tables that nothing refers to have none. They are
  // made now: one on a column that was updated since could not be used in this transaction.
  for (const { name, columns } of stagingTables.filter(({ isLeaf }) => !isLeaf)) {
    for (const column of [...lookedUp, ...names.filter((one) => one in columns)]) {
      await tx.rows(sql`create index on ${sql.raw(`${name} (${column})`)}`);
    }
  }
  for (const { name } of stagingTables) await tx.rows(sql`analyze ${sql.raw(name)}`);
};

/** Skips records whose primary key comes again in a later record of the same model, so that only the last one is stored. */
export const skipRepeatedKeys = async (tx: ImportTx): Promise<void> => {
  for (const staging of stagingTables.filter(({ name }) => tx.unordered.has(name))) {
    const key = staging.ofSeveralModels ? "model, pk" : "pk";
    await skipRepeated(tx, staging, "its pk comes again: the last record stands", key, "record desc");
  }
};

/**
 * Locks the versions of all users that the file can change, and those of the aggregates that roles and providers belong to, in ascending order.
 * Call it before the file is compared with the database, so that nothing that was compared can change afterwards.
 */
export const lockAggregates = (tx: ImportTx) =>
  tx.rows(sql`select count(*) from (
    select from aggregate_version s where s.kind in ('global', 'organization', 'roles') or s.kind = 'user' and s.id in (
      select pk from import_user
      union all select o.id from import_origin o join import_user i on i.pk = o.pk where o.kind = 'user'
      union all select u.id from users u join import_user i on i.username_canonical = u.username_canonical
      union all select u.id from users u join import_user i on i.external_id = u.external_id
      ${sql.join(
        owned
          .filter((table) => isGiven(tx, table))
          .map(({ name }) =>
            sql.raw(`union all select user_pk from ${name}
              union all select u.id from users u join ${name} o on o.user_canonical = u.username_canonical`),
          ),
        sql` `,
      )}
      union all select t.user_id from user_email t join import_email e on e.email_canonical = t.email_canonical where t.is_verified
    ) order by s.kind, s.id for update
  ) locked`);

/** The name by which an external id is locked, as externalCanonicalName makes it. */
const externalCanonical = (column: string) => sql.raw(`'external:' || encode(sha256(convert_to(${column}, 'UTF8')), 'hex')`);

const saysExternal = sql.raw("not 'external_id' = any(absent)");

/**
 * Locks the canonical names of the file's usernames, addresses and external ids, in ascending order. Names that are not stored yet get version
 * 1.
 */
export const lockCanonicalNames = (tx: ImportTx) =>
  tx.rows(sql`insert into name_version as v (digest, version)
    select ${sqlNameDigest(sql.ref("name"))}, 1 from (
      select username_canonical as name from import_user
      union select email_canonical from import_user
      union select email_canonical from import_email
      union select ${externalCanonical("external_id")} from import_user where external_id is not null
      -- Those that may change, of users that are here.
      union select ${externalCanonical("u.external_id")} from users u where u.external_id is not null and u.id in (
        select pk from import_user where ${saysExternal}
        union all select o.id from import_origin o join import_user i on i.pk = o.pk where o.kind = 'user' and ${saysExternal}
        union all select n.id from users n join import_user i on i.username_canonical = n.username_canonical where ${saysExternal})
    ) claimed where name <> '' order by name
    -- Never true, but the row is locked before that is seen.
    on conflict (digest) do update set version = v.version where false`);

/**
 * Raises the versions of the canonical names of new and changed users and addresses, so that cached look-ups by these names become outdated.
 * Names that `lockCanonicalNames` stored in this import keep version 1.
 */
export const bumpCanonicalNames = (tx: ImportTx) =>
  tx.rows(sql`update name_version v set version = version + 1 where v.xmin <> pg_current_xact_id()::xid
    -- Asked once: where all names are new, the list of those of the file is not even made.
    and exists (select from name_version where xmin <> pg_current_xact_id()::xid) and digest in (
    select ${sqlNameDigest(sql.ref("name"))} from (
      select unnest(array[username_canonical, email_canonical, ${externalCanonical("external_id")}, ${externalCanonical("former_external_id")}]) as name
        from import_user where outcome is distinct from 'unchanged'
      union select email_canonical from import_email where outcome is distinct from 'unchanged') changed)`);
