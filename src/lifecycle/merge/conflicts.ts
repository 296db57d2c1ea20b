import { sql } from "kysely";
import type { Session } from "../../db/session.ts";
import type { Pair } from "./pairs.ts";

/** Something that the old and the new owner both have. */
export type Collision = {
  readonly source_id: string;
  readonly target_id: string;
  readonly key: string;
  readonly is_equal: boolean;
  readonly is_newer: boolean;
  /** The rows in JSON; null where they are equal. */
  readonly source: string | null;
  readonly target: string | null;
  readonly digest: string;
};

/** The rows of a pair: their number, a digest of their values, and those that collide with the new owner's. */
export type Found = { readonly count: number; readonly digest: string; readonly collisions: readonly Collision[] };

/** The most characters of a row that a plan shows. */
const SHOWN = 4_096;

/** Reads the rows of a pair, by one statement. */
export const findRows = async (session: Session, { table, column, from, to, rule, secrets }: Pair): Promise<Found> => {
  const [rows, owner] = [sql.table(table), sql.ref(column)];
  const own = sql`select count(*)::int from ${rows} where ${owner} = ${from}`;
  if (rule.as !== "rows" || to === undefined) {
    const isStill = rule.as === "moves" || rule.as === "rows";
    const digest = isStill
      ? sql`(select md5(string_agg(md5(x::text), '' order by x.id)) from ${rows} x where ${owner} = ${from})`
      : sql`''`;
    return {
      ...(await session.one(sql<Omit<Found, "collisions">>`select (${own}) as count, coalesce(${digest}, '') as digest`)),
      collisions: [],
    };
  }
  const of = (alias: string, name: string) => sql.ref(`${alias}.${name}`);
  const list = (alias: string, names: readonly string[]) => sql.join(names.map((name) => of(alias, name)));
  const isEqual = rule.values.length === 0 ? sql`true` : sql`(${list("s", rule.values)}) is not distinct from (${list("t", rule.values)})`;
  const isNewer = rule.newest === undefined ? sql`false` : sql`coalesce(${of("s", rule.newest)} > ${of("t", rule.newest)}, false)`;
  const shown = (alias: string) => sql`left((to_jsonb(${sql.ref(alias)}) - ${[...secrets]}::text[])::text, ${sql.lit(SHOWN)})`;
  const digestOf = (alias: string) => (rule.isQuiet ? sql`''` : sql`md5(${sql.ref(alias)}::text)`);
  return session.one(sql<Found>`
    with collision as (
      select s.id::text as source_id, t.id::text as target_id, concat_ws('/', ${list("t", rule.key)}) as key,
        ${isEqual} as is_equal, ${isNewer} as is_newer, ${digestOf("t")} as digest,
        case when not (${isEqual}) then ${shown("s")} end as source, case when not (${isEqual}) then ${shown("t")} end as target
      from ${rows} s join ${rows} t on (${list("t", rule.key)}) = (${list("s", rule.key)})
      where ${of("s", column)} = ${from} and ${of("t", column)} = ${to}
    )
    select (${own}) as count,
      coalesce((select string_agg(${digestOf("x")}, '' order by x.id) from ${rows} x where ${of("x", column)} = ${from}), '') as digest,
      coalesce((select json_agg(c order by c.key, c.source_id::bigint) from collision c), '[]') as collisions`);
};
