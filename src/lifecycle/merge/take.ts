import { type RawBuilder, sql } from "kysely";
import type { Session } from "../../db/session.ts";
import type { Join } from "../tables.ts";
import { columnsOf, listOf, valuesOf } from "./columns.ts";
import type { ProfilePair } from "./pairs.ts";
import type { PlannedPair } from "./plan.ts";

const ids = (list: readonly string[]) => sql`any(${[...list]}::bigint[])`;

const joined = (how: Join, column: string) => {
  const [source, target] = [sql.ref(`s.${column}`), sql.ref(`t.${column}`)];
  if (how === "or") return sql`${source} or ${target}`;
  return how === "greatest" ? sql`greatest(${source}, ${target})` : sql`least(${source}, ${target})`;
};

/** Keeps rows as they are before they lose. */
export const keep = (tx: Session, mergeId: bigint, table: string, side: "source" | "target" | "equal", rows: readonly string[]) =>
  tx.rows(sql`
    insert into merge_discard (merge_id, table_name, row_id, side, "row")
    select ${mergeId}, ${table}, x.id, ${side}, to_jsonb(x) from ${sql.table(table)} x where x.id = ${ids(rows)} order by x.id`);

/** Keeps the rows of the target that are going to take over something of equal rows of the source, before and after. */
const keepJoined = (tx: Session, mergeId: bigint, { table, column, to, rule, equal }: PlannedPair) => {
  if (rule.as !== "rows" || rule.joins === undefined) return;
  const joins = Object.entries(rule.joins).map(([name, how]) => ({ name, value: joined(how, name) }));
  const pairs = sql.join(joins.flatMap(({ name, value }) => [sql.lit(name), value]));
  const differs = sql.join(
    joins.map(({ name, value }) => sql`${sql.ref(`t.${name}`)} is distinct from (${value})`),
    sql` or `,
  );
  const isSame = sql.join(
    rule.key.map((name) => sql`${sql.ref(`t.${name}`)} = ${sql.ref(`s.${name}`)}`),
    sql` and `,
  );
  return tx.rows(sql`
    insert into merge_discard (merge_id, table_name, row_id, side, "row", after)
    select ${mergeId}, ${table}, t.id, 'changed', to_jsonb(t), jsonb_build_object(${pairs})
    from ${sql.table(table)} s join ${sql.table(table)} t on ${isSame} and ${sql.ref(`t.${column}`)} = ${to ?? 0n}
    where s.id = ${ids(equal)} and (${differs}) order by t.id`);
};

/** Sets the columns of rows to what was kept of them: `which` is the column of merge_discard. */
export const setJoined = async (
  tx: Session,
  table: string,
  names: readonly string[],
  which: "row" | "after",
  discards: readonly string[],
) => {
  const { counter } = await columnsOf(tx, table);
  const values = names.map((name) => sql`${sql.ref(name)} = ${sql.ref(`r.${name}`)}`);
  const counted = counter === undefined ? sql`` : sql`, ${sql.ref(counter)} = t.${sql.ref(counter)} + 1`;
  return tx.rows(sql`
    update ${sql.table(table)} t set ${sql.join(values)}${counted}
    from merge_discard d cross join lateral jsonb_populate_record(null::${sql.table(table)}, d.${sql.ref(which)}) r
    where d.id = ${ids(discards)} and t.id = d.row_id`);
};

/** Gives the rows of a pair to their new owner, and keeps those that lose. */
export const takeRows = async (tx: Session, mergeId: bigint, pair: PlannedPair, locked: readonly string[]): Promise<void> => {
  const { table, column, from, to, rule, count, equal, lost, replaced } = pair;
  const [rows, owner] = [sql.table(table), sql.ref(column)];
  if (count === 0 || rule.as === "stays") return;
  if (rule.as === "ends") {
    await tx.rows(sql`delete from ${rows} where ${owner} = ${from}`);
    return;
  }
  if (equal.length + lost.length + replaced.length > 0) {
    await keepJoined(tx, mergeId, pair);
    await keep(tx, mergeId, table, "equal", equal);
    await keep(tx, mergeId, table, "source", lost);
    await keep(tx, mergeId, table, "target", replaced);
    // Before others take over what is unique in them.
    await tx.rows(sql`delete from ${rows} where id = ${ids([...equal, ...lost, ...replaced])}`);
    if (rule.as === "rows" && rule.joins !== undefined) {
      const changed = await tx.rows(sql<{ id: string }>`
        select id::text from merge_discard where merge_id = ${mergeId} and table_name = ${table} and side = 'changed' and restore_time is null`);
      await setJoined(
        tx,
        table,
        Object.keys(rule.joins),
        "after",
        changed.map(({ id }) => id),
      );
    }
  }
  if (to === undefined || count === equal.length + lost.length) return;
  if (pair.isLater) {
    await tx.rows(sql`
      insert into merge_part (merge_id, table_name, column_name, from_id, to_id) values (${mergeId}, ${table}, ${column}, ${from}, ${to})`);
    return;
  }
  await moveRows(tx, mergeId, { table, column, from, to }, pair.isReference ? inOrganizations(locked) : sql``);
};

/** Makes the condition that a row is of one of some organizations. */
export const inOrganizations = (locked: readonly string[]) => sql` and organization_id = any(${[...locked]}::bigint[])`;

/** The rows of an owner that another one gets. */
export type Moving = { readonly table: string; readonly column: string; readonly from: bigint; readonly to: bigint };

/** Gives rows to their new owner, and keeps their ids; `which` is a further condition. */
export const moveRows = async (
  tx: Session,
  mergeId: bigint,
  { table, column, from, to }: Moving,
  which: RawBuilder<unknown>,
): Promise<void> => {
  const [rows, owner] = [sql.table(table), sql.ref(column)];
  const { names, counter } = await columnsOf(tx, table);
  // An option is the same one, whoever has it.
  const counted =
    counter === undefined || !(names.includes("etag") || table === "organization_member")
      ? sql``
      : sql`, ${sql.ref(counter)} = ${sql.ref(counter)} + 1`;
  await tx.rows(sql`
    with moved as (update ${rows} set ${owner} = ${to}${counted} where ${owner} = ${from}${which} returning id)
    insert into merge_move (merge_id, table_name, column_name, row_id, from_id, to_id)
    select ${mergeId}, ${table}, ${column}, id, ${from}, ${to} from moved order by id`);
};

/** Makes a profile of the source anew for the target, whose user never changes; returns the id of the new one. */
export const remakeProfile = async (tx: Session, { from }: ProfilePair, to: bigint): Promise<bigint> => {
  const columns = await columnsOf(tx, "user_profile");
  const all = { ...columns, names: columns.names.filter((name) => name !== "id") };
  const { id } = await tx.one(sql<{ id: bigint }>`
    insert into user_profile (${listOf(all)}) select ${valuesOf(all, { user_id: to })} from user_profile r where r.id = ${from} returning id`);
  return id;
};

/** Removes a profile of the source, which owns nothing any more, and keeps it as it was, with the one that took its place. */
export const dropProfile = async (tx: Session, mergeId: bigint, { from, to }: ProfilePair, heir: bigint): Promise<void> => {
  await tx.rows(sql`
    insert into merge_discard (merge_id, table_name, row_id, side, "row", after)
    select ${mergeId}, 'user_profile', p.id, ${to === undefined ? "equal" : "source"}, to_jsonb(p), jsonb_build_object('heir', ${String(heir)}::text)
    from user_profile p where p.id = ${from}`);
  await tx.rows(sql`delete from user_profile where id = ${from}`);
};
