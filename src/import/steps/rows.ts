import { sql } from "kysely";
import { isGiven, isLarge, type StagingTable } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { keepChanged, skipRemoved } from "./stands.ts";
import type { StoredStaging, Target } from "./target.ts";

/** Runs an SQL statement that has no parameters. Its text must not have values from the file. */
export const run = (tx: ImportTx, statement: string) => tx.rows(sql.raw(statement));

/**
 * Copies stored values to staged rows, in the columns that the file leaves out. `match` is the SQL condition that a staged row `s` and a stored
 * row `t` are the same.
 */
export const keepAbsent = async (tx: ImportTx, { staging, columns }: Target, match: string): Promise<void> => {
  if (!isGiven(tx, staging)) return;
  const kept = Object.keys(columns).map((name) => `${name} = case when '${name}' = any(s.absent) then t.${name} else s.${name} end`);
  await run(
    tx,
    `update ${staging.name} s set ${kept.join(", ")} from ${staging.table} t where ${match} and s.absent && '{${Object.keys(columns).join(",")}}'`,
  );
};

const rowOf = (alias: string, columns: readonly string[]): string => `row(${columns.map((name) => `${alias}.${name}`).join(", ")})`;

/**
 * Finds the staged rows that are stored already, and sets their ids and outcomes (`updated` or `unchanged`). `match` is the SQL condition that a
 * staged row `s` and a stored row `t` are the same. Stored values that are newer than the file's stay (`keepChanged`), unless `tx.overwrite` is
 * true.
 */
export const matchRows = async (
  tx: ImportTx,
  target: Target,
  match: string,
  compared: readonly string[] = Object.keys(target.columns),
): Promise<void> => {
  const { staging } = target;
  if (!isGiven(tx, staging)) return;
  const differs = `${rowOf("s", compared)} is distinct from ${rowOf("t", compared)}`;
  const matched = await tx.affected(
    sql.raw(`update ${staging.name} s set id = t.id, outcome = case when ${differs} then 'updated' else 'unchanged' end
      from ${staging.table} t where ${match}`),
  );
  if (matched === 0 || tx.overwrite || !(await keepChanged(tx, target, compared))) return;
  await keepAbsent(tx, target, "t.id = s.id and s.outcome = 'updated'");
  await run(
    tx,
    `update ${staging.name} s set outcome = 'unchanged' from ${staging.table} t where t.id = s.id and s.outcome = 'updated' and not (${differs})`,
  );
};

/** Tells whether staged rows do come from several models, of which two can have one primary key. */
const hasSeveralModels = async (tx: ImportTx, staging: StagingTable): Promise<boolean> =>
  staging.ofSeveralModels === true &&
  (await tx.row(sql`select from ${sql.table(staging.name)} having min(model) <> max(model)`)) !== undefined;

/**
 * Gives new rows their ids: the id in the file if it is free, else one from the sequence. Skips rows that were removed since an earlier import
 * stored them (`skipRemoved`).
 */
export const assignIds = async (tx: ImportTx, target: Target): Promise<void> => {
  const { staging } = target;
  if (!isGiven(tx, staging)) return;
  await skipRemoved(tx, target);
  await run(
    tx,
    `update ${staging.name} s set id = null where s.outcome is null and exists (select from ${staging.table} t where t.id = s.id)`,
  );
  if (await hasSeveralModels(tx, staging)) {
    await run(
      tx,
      `update ${staging.name} s set id = null from ${staging.name} o where o.pk = s.pk and o.model < s.model and s.outcome is null and s.id = s.pk`,
    );
  }
  await freshIds(tx, staging);
};

/**
 * Gives each row without an id a new one from the sequence of ids, in the order of the file. A dry run computes the ids without the
 * sequence, which a rollback does not move back.
 */
export const freshIds = async (tx: ImportTx, staging: StoredStaging): Promise<void> => {
  if (!isGiven(tx, staging)) return;
  const next = tx.dryRun
    ? `row_number() over (order by n.record, n.place) + greatest(
        (select coalesce(max(id), 0) from ${staging.table}),
        (select coalesce(max(greatest(pk, id)), 0) from ${staging.name}),
        (select last_value from ${staging.table}_id_seq))`
    : `nextval('${staging.table}_id_seq')`;
  await run(
    tx,
    // Materialized: a join may read a subquery several times, and draw each time.
    `with fresh as materialized (
      select n.place, ${next} as id from (select ctid as place, record from ${staging.name} where id is null order by record, ctid offset 0) n
    )
    update ${staging.name} s set id = fresh.id from fresh where s.ctid = fresh.place`,
  );
};

/** Discards cached query plans, such as those of triggers: a plan that was made for a million rows is bad for single rows. */
export const forgetPlans = (tx: ImportTx) => run(tx, "discard plans");

/** Discards cached query plans before many rows are stored: a plan that was made for one row joins a million by nested loops. */
export const preparePlans = async (tx: ImportTx): Promise<void> => {
  if (isLarge(tx)) await forgetPlans(tx);
};

const NEW = "outcome is null";

const hasAny = async (tx: ImportTx, staging: StagingTable, which: string): Promise<boolean> =>
  isGiven(tx, staging) && (await tx.row(sql.raw(`select from ${staging.name} where ${which} limit 1`))) !== undefined;

/** Inserts the new rows of a staging table into the permanent table. */
export const insertRows = async (tx: ImportTx, { staging, key, columns }: Target): Promise<void> => {
  if (!(await hasAny(tx, staging, NEW))) return;
  const names = ["id", ...key, ...Object.keys(columns)];
  const values = [
    "id",
    ...key,
    ...Object.entries(columns).map(([name, byDefault]) => (byDefault === "null" ? name : `coalesce(${name}, ${byDefault})`)),
  ];
  await preparePlans(tx);
  await run(
    tx,
    `insert into ${staging.table} (${names.join(", ")}) select ${values.join(", ")} from ${staging.name} where ${NEW} order by id`,
  );
};

/** Updates the stored rows that differ from their staged rows. `which` is a further SQL condition on staged rows `s`. */
export const updateRows = async (tx: ImportTx, { staging, columns, stamps = {} }: Target, which = "true"): Promise<void> => {
  if (!(await hasAny(tx, staging, "outcome = 'updated'"))) return;
  const set = [
    ...Object.keys(columns).map((name) => `${name} = s.${name}`),
    ...Object.entries(stamps).map(([name, value]) => `${name} = ${value}`),
  ];
  await preparePlans(tx);
  await run(
    tx,
    `update ${staging.table} t set ${set.join(", ")} from ${staging.name} s where s.id = t.id and s.outcome = 'updated' and ${which}`,
  );
};

/** Returns the SQL condition that a staged row `s` and a stored row `t` have the same key. */
export const sameKey = ({ key }: Target): string => key.map((column) => `t.${column} = s.${column}`).join(" and ");

/**
 * Inserts the staged rows that are new, and updates stored rows that differ. `match` is the SQL condition that a staged row `s` and a stored row
 * `t` are the same.
 */
export const mergeRows = async (tx: ImportTx, target: Target, match = sameKey(target)): Promise<void> => {
  const hasColumns = Object.keys(target.columns).length > 0;
  if (hasColumns) await keepAbsent(tx, target, match);
  await matchRows(tx, target, match, hasColumns ? undefined : target.key);
  await assignIds(tx, target);
  if (hasColumns) await updateRows(tx, target);
  await insertRows(tx, target);
};
