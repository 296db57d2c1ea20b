import pg from "pg";
import type { Committed } from "./transactions.ts";
import type { Written } from "./writers.ts";

/** What the database says about writes: how many are missing, doubled, and unlike the log of changes. */
export type Verdict = {
  readonly lost: number;
  readonly doubled: number;
  readonly unaudited: number;
  readonly complaints: readonly string[];
};

/**
 * Holds what was acknowledged against the database: acknowledged values and accounts are there, each account once, and the log of changes
 * tells of each row as many changes as its version counts, each change under a request that a writer has made, or a transaction that was committed.
 */
export const judge = async (
  databaseUrl: string,
  written: Written,
  prefix: string,
  committed: readonly Committed[] = [],
): Promise<Verdict> => {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const complaints: string[] = [];
    const { rows: stored } = await client.query<{ user_id: string; value: number }>(
      "select user_id, value from user_option where user_id = any($1) and key = 'n'",
      [written.options.map(({ userId }) => String(userId))],
    );
    const values = new Map(stored.map((row) => [row.user_id, Number(row.value)]));
    let lost = 0;
    for (const { userId, acknowledged, begun } of written.options) {
      const value = values.get(String(userId)) ?? 0;
      if (value >= acknowledged && value <= begun) continue;
      lost += 1;
      complaints.push(`user ${userId} has ${value}, but ${acknowledged} was acknowledged and ${begun} begun`);
    }
    const { rows: accounts } = await client.query<{ name: string; count: number }>(
      "select name, count(*)::int as count from account where name like $1 || '%' group by name",
      [prefix],
    );
    const countOf = new Map(accounts.map(({ name, count }) => [name, count]));
    const missing = [...written.accounts].filter((name) => !countOf.has(name));
    const strange = accounts.filter(({ name }) => !written.accounts.has(name) && !written.unanswered.has(name));
    lost += missing.length;
    for (const name of missing) complaints.push(`account ${name} was acknowledged and is not there`);
    for (const { name } of strange) complaints.push(`nobody has created account ${name}`);
    const doubled = accounts.reduce((sum, { count }) => sum + count - 1, 0);
    const { rows: audit } = await client.query<{ unaudited: number; strange: number; repeated: number }>(
      `with mine as (select * from changes where request_id = any($1::text[])),
        told as (select kind, aggregate_id, key, count(*) as changes from changes where kind in ('user_option', 'account') group by 1, 2, 3),
        there as (
          select 'user_option' as kind, user_id as aggregate_id, concat_ws('/', scope_kind, scope_id, key) as key, version as writes
            from user_option where user_id = any($2)
          union all select 'account', id, id::text, version from account where name like $3 || '%')
        select
          (select count(*)::int from there left join told using (kind, aggregate_id, key) where told.changes is distinct from there.writes) as unaudited,
          (select count(*)::int from changes c where kind in ('user_option', 'account') and not c.request_id = any($1::text[] || $4::text[])) as strange,
          (select count(*)::int from (select from mine group by request_id having count(*) > 1) r) as repeated`,
      [[...written.requestIds], written.options.map(({ userId }) => String(userId)), prefix, committed.map(({ requestId }) => requestId)],
    );
    const { unaudited = 0, strange: unknown = 0, repeated = 0 } = audit[0] ?? {};
    if (unaudited > 0) complaints.push(`${unaudited} rows have another number of changes in the log than their version counts`);
    if (unknown > 0) complaints.push(`${unknown} changes stand in the log under requests that nobody has made`);
    return { lost, doubled: doubled + repeated, unaudited: unaudited + unknown, complaints };
  } finally {
    await client.end();
  }
};
