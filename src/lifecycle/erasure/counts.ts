import { type RawBuilder, sql } from "kysely";
import type { Session } from "../../db/session.ts";
import { ownedKinds } from "../../kinds/owned.ts";
import type { RemovedRecords } from "../../kinds/records.ts";
import { type TableLife, tables, userColumnsOf } from "../tables.ts";

/** The rows of one table that an erasure removes, or from which it takes what refers to the user. */
export type RowCount = { readonly table: string; readonly removed: number; readonly cleared: number };

type CountRow = { readonly user_id: bigint; readonly table: string; readonly removed: number; readonly cleared: number };

/** The tables whose rows name their user, and are removed with it. */
const ofUsers = Object.entries(tables as Readonly<Record<string, TableLife>>).flatMap(([table, { erase }]) =>
  erase === "removed" && !["users", "resource", "team_member", "merge_part", "merge_move", "merge_discard"].includes(table) ? [table] : [],
);

/** Counts the rows of users, by user and table, in one statement. Rows of large kinds are counted where `withRecords`. */
export const countRows = async (
  session: Session,
  users: readonly bigint[],
  withRecords: boolean,
): Promise<ReadonlyMap<bigint, readonly RowCount[]>> => {
  const ids = sql`any(${users.map(String)}::bigint[])`;
  const part = (table: string, from: RawBuilder<unknown>, user: RawBuilder<unknown>, isCleared = false): RawBuilder<CountRow> => {
    const [removed, cleared] = isCleared ? [sql`0`, sql`count(*)::int`] : [sql`count(*)::int`, sql`0`];
    return sql`select ${user} as user_id, ${table}::text as "table", ${removed} as removed, ${cleared} as cleared from ${from} where ${user} = ${ids} group by 1`;
  };
  const ofProfiles = (table: string) =>
    part(table, sql`${sql.table(table)} r join user_profile p on p.id = r.owner_profile_id`, sql`p.user_id`);
  const ofMerges = (table: string) => part(table, sql`${sql.table(table)} r join user_merge m on m.id = r.merge_id`, sql`m.user_id`);
  const { kinds } = session.kinds;
  const parts = [
    part("users", sql`users`, sql`id`),
    ...ofUsers.map((table) => part(table, sql.table(table), sql`user_id`)),
    part("team_member", sql`team_member r join organization_member m on m.id = r.member_id`, sql`m.user_id`),
    ...["merge_part", "merge_move", "merge_discard"].map(ofMerges),
    ofProfiles("resource"),
    ...ownedKinds(session.kinds)
      .filter(({ isLarge }) => withRecords || !isLarge)
      .map(({ table }) => ofProfiles(table)),
    ...kinds
      .filter(({ isLarge, belongsTo }) => !isLarge && belongsTo?.to !== "profile")
      .flatMap((kind) => userColumnsOf(kind).map((column) => part(kind.table, sql.table(kind.table), sql.ref(column), true))),
  ];
  const rows = await session.rows(sql<CountRow>`
    select user_id, "table", sum(removed)::int as removed, sum(cleared)::int as cleared from (${sql.join(parts, sql` union all `)}) c
    group by 1, 2 order by "table" collate "C"`);
  return Map.groupBy(rows, (row) => row.user_id);
};

/** Returns the numbers of rows of a receipt, by table. `records` were removed before. */
export const numbersOf = (counts: readonly RowCount[], records: RemovedRecords = new Map()): Readonly<Record<string, number>> => {
  const numbers = new Map(counts.map(({ table, removed, cleared }) => [table, removed + cleared]));
  for (const [table, number] of records) if (number > 0) numbers.set(table, (numbers.get(table) ?? 0) + number);
  return Object.fromEntries([...numbers].toSorted(([a], [b]) => (a < b ? -1 : 1)));
};
