import { sql } from "kysely";
import { STAND_IN, sqlHasKey, sqlKey } from "./keys.ts";
import { readers } from "./readers/index.ts";
import type { Listing, ModelReport, NameCount, ReportLine } from "./report.ts";
import { isGiven, notes, type StagingTable, skips } from "./staging.ts";
import type { Counts, Tally } from "./tally.ts";
import type { ImportTx } from "./transaction.ts";

/** The most records that are named per reason. */
const EXAMPLES = 20;

type Outcome = { model: string; outcome: "created" | "updated" | "unchanged" | "skipped"; count: number };

/** All staging tables to which import readers write. */
export const stagingTables: readonly StagingTable[] = [...new Set(readers.flatMap((reader) => reader.tables))];

const outcomes = async (tx: ImportTx, isMerged: boolean): Promise<Outcome[]> => {
  // Rows that an import adds by itself were not read.
  const isRead = ({ derived = {} }: StagingTable) => ("is_implied" in derived ? "not is_implied" : "true");
  const merged = stagingTables
    .filter((table) => isMerged && isGiven(tx, table))
    .map(
      (table) =>
        `select model, coalesce(outcome, 'created') as outcome, count(*)::int as count from ${table.name} where ${isRead(table)} group by 1, 2`,
    );
  const skipped = `select model, 'skipped', count(*)::int from ${skips.name} group by 1`;
  const rows = await tx.rows(sql<Outcome>`
    select model, outcome, sum(count)::int as count from (${sql.raw([...merged, skipped].join(" union all "))}) fates (model, outcome, count) group by 1, 2`);
  return rows;
};

/** The key of a record; of one without, null. */
const PK = `case when ${sqlHasKey("pk")} then pk end::text`;

const PLACE = `concat_ws(' ', model, case when ${sqlHasKey("pk")} then pk end, format('(record %s)', record))`;

/** The condition that record `n` was not skipped: the report has no notes about skipped ones. */
const notSkipped = `not exists (select from ${skips.name} s where (s.record, s.model) = (n.record, n.model))`;

const listings = async (tx: ImportTx, table: StagingTable, example: string, which = "true"): Promise<Listing[]> => {
  const rows = await tx.rows(sql<Listing>`
    select reason, count(*)::int as count, array_agg(${sql.raw(example)} order by position) filter (where position <= ${EXAMPLES}) as examples
    from (select *, row_number() over (partition by reason order by record, pk) as position from ${sql.raw(`${table.name} n where ${which}`)}) listed
    group by reason order by min(record), reason`);
  return rows;
};

/** Lines that are in memory at a time. */
const PAGE = 1_000;

/** Calls `take` with a line for each record that was skipped or noted, in the order of the file. Holds at most 1,000 lines in memory. */
export const eachLine = async (tx: ImportTx, take: (line: ReportLine) => Promise<void> | void): Promise<void> => {
  await tx.rows(sql`declare lines no scroll cursor for
    select * from (
      select 'skipped' as fate, model, record::int as record, ${sql.raw(PK)} as pk, reason, null as about from ${sql.table(skips.name)}
      union all
      select 'noted', model, record::int, ${sql.raw(PK)}, reason, about from ${sql.raw(`${notes.name} n where ${notSkipped}`)}
    ) listed order by listed.record, fate, reason, about`);
  for (;;) {
    const rows = await tx.rows(sql<ReportLine>`fetch ${sql.lit(PAGE)} from lines`);
    for (const line of await withKeys(tx, rows)) await take(line);
    if (rows.length < PAGE) break;
  }
  await tx.rows(sql`close lines`);
};

const names = (counts: Counts): NameCount[] =>
  [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => (a.name < b.name ? -1 : 1));

const reasons = new Map<string, string>(
  readers.flatMap(({ model, notHeld }) => Object.entries(notHeld).map(([field, reason]) => [`${model}.${field}`, reason] as const)),
);

const withReason = (named: NameCount): NameCount => {
  const reason = reasons.get(named.name);
  return reason === undefined ? named : { ...named, reason };
};

/**
 * Counts the records of each model that were read, created, updated, unchanged and skipped; if `isMerged` is false, only those read and skipped.
 */
export const modelReports = async (tx: ImportTx, tally: Tally, isMerged: boolean): Promise<ModelReport[]> => {
  const found = await outcomes(tx, isMerged);
  return [...tally.totals().read].map(([model, read]) => {
    const of = (outcome: Outcome["outcome"]) => found.find((row) => row.model === model && row.outcome === outcome)?.count ?? 0;
    return { model, read, created: of("created"), updated: of("updated"), unchanged: of("unchanged"), skipped: of("skipped") };
  });
};

/** Replaces the stand-ins in a report with the keys or usernames that they stand for. */
export const withKeys = async <T>(tx: ImportTx, report: T): Promise<T> => {
  const json = JSON.stringify(report);
  const standIns = [...new Set(json.match(STAND_IN))];
  if (standIns.length === 0) return report;
  const rows = await tx.rows(sql<{ pk: string; key: string | null }>`
    select pk::text as pk, case when ${sql.raw(sqlHasKey("s.pk"))} then ${sql.raw(sqlKey("s.pk"))}
      else (select u.natural_name from import_user u where u.pk = s.pk limit 1) end as key from unnest(${standIns}::bigint[]) as s (pk)`);
  const keyOf = new Map(rows.map(({ pk, key }) => [pk, key]));
  return JSON.parse(json.replace(STAND_IN, (standIn) => JSON.stringify(keyOf.get(standIn) ?? standIn).slice(1, -1))) as T;
};

/** Makes the lists that the report shows under its table of models: models and fields that are not stored, skipped records, and notes. */
export const lists = async (tx: ImportTx, tally: Tally) => ({
  notHeld: names(tally.totals().notHeld),
  unknownFields: names(tally.totals().unknownFields).map(withReason),
  skipped: await listings(tx, skips, PLACE),
  notes: await listings(tx, notes, `coalesce(about, ${PLACE})`, notSkipped),
});
