import pg from "pg";
import type { Told } from "./watchers.ts";

/** Holds the feed against the log: each row behind the start has one position, positions have no gaps, and versions of an aggregate rise with them. */
export const judgeFeed = async (databaseUrl: string, after: bigint) => {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; aggregate: string; kind: string; key: string; operation: string; places: number }>(
      `select c.id, c.aggregate_kind || '/' || c.aggregate_id as aggregate, c.kind, c.key, c.operation,
          (select count(*)::int from feed f where f.change_id = c.id) as places
        from changes c where c.id > $1 order by c.id`,
      [String(after)],
    );
    const { rows: faults } = await client.query<{ fault: string }>(
      `select 'positions have a gap at ' || position as fault
          from (select position, lag(position) over (order by position) as before from feed) f where position <> before + 1
        union all
        select aggregate_kind || '/' || aggregate_id || ' falls to ' || version || ' at ' || position
          from (select *, lag(version) over (partition by aggregate_kind, aggregate_id order by position) as before from feed) f where version < before`,
    );
    const told = rows.map(({ id, places: _, ...row }): Told => ({ id: BigInt(id), ...row }));
    const misplaced = rows.filter(({ places }) => places !== 1).map(({ id, places }) => `change ${id} has ${places} positions`);
    return { told, complaints: [...misplaced, ...faults.map(({ fault }) => fault)], misplaced: misplaced.length + faults.length };
  } finally {
    await client.end();
  }
};
