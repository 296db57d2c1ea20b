import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createUser } from "../../support/build.ts";
import { startFleet } from "../../support/fleet.ts";
import { startPostgres } from "../../support/postgres.ts";
import { startDeliveries } from "../deliveries.ts";
import type { Drill } from "../drill.ts";
import { judgeFeed } from "../judge-feed.ts";
import { machineTime } from "../moments.ts";

/** The writes, one after the other, by which passes are compared. */
const PROBES = 20;
/** The changes that are there before. */
const FILLING = 4_000;
/** The most by which the transaction may make deliveries of others later, and passes dearer. */
const MOST = 1.2;

/** The statements of looks and passes, by what only they have. */
const statements = {
  look: "%is_behind%",
  lock: "%lock_feed_head%",
  find: "%wanted as materialized%",
  store: "%move_feed_head%",
} as const;
type Statement = keyof typeof statements;

/** What a statement has cost so far. */
type Cost = { readonly calls: number; readonly blocks: number; readonly milliseconds: number };

const costsOf = async (client: pg.Client): Promise<Readonly<Record<Statement, Cost>>> => {
  const nothing: Cost = { calls: 0, blocks: 0, milliseconds: 0 };
  const costs = { look: nothing, lock: nothing, find: nothing, store: nothing };
  for (const name of Object.keys(statements) as Statement[]) {
    const { rows } = await client.query<Cost>(
      `select coalesce(sum(calls), 0)::float8 as calls, coalesce(sum(shared_blks_hit + shared_blks_read), 0)::float8 as blocks,
        coalesce(sum(total_exec_time), 0)::float8 as milliseconds from pg_stat_statements
        where toplevel and dbid = (select oid from pg_database where datname = current_database()) and query ilike $1 and query not ilike '%pg_stat_statements%'`,
      [statements[name]],
    );
    costs[name] = rows[0] ?? nothing;
  }
  return costs;
};

/** The cost of a call of each statement between two looks. */
const perCall = (before: Readonly<Record<Statement, Cost>>, after: Readonly<Record<Statement, Cost>>) =>
  Object.fromEntries(
    (Object.keys(statements) as Statement[]).map((name) => {
      const calls = after[name].calls - before[name].calls;
      const of = (what: "blocks" | "milliseconds") => Math.round(((after[name][what] - before[name][what]) / calls) * 1_000) / 1_000;
      return [name, { calls, blocks: of("blocks"), milliseconds: of("milliseconds") }];
    }),
  ) as Record<Statement, Cost>;

/** A transaction stays open while others commit. */
export const openTransaction: Drill = {
  rows: [37],
  name: "open-transaction",
  about:
    "a transaction that has written stays open for a minute while others commit; counts changes that were not delivered, the p99 of deliveries beside that of another database without one, and what a pass of the sequencer costs at its beginning and end",
  run: async ({ of, stack, isShort }) => {
    const postgres = await startPostgres({
      settings: ["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=top"],
      onLog: () => {},
    });
    stack.defer(() => postgres.stop());
    // Beside each other: what the machine does meanwhile meets both.
    const fleets = [0, 1].map(async () => stack.use(await startFleet({ postgresUrl: postgres.url, size: of(1, 2) })));
    const [fleet, other] = await Promise.all(fleets);
    if (fleet === undefined || other === undefined) throw new Error("The fleets have not started.");
    const [own, without] = [await startDeliveries(fleet, stack), await startDeliveries(other, stack)];
    const { id: waiting } = await createUser(own.clients);
    const client = new pg.Client(fleet.databaseUrl);
    await client.connect();
    stack.defer(() => client.end());
    await client.query("create extension pg_stat_statements");
    // Indexes that are small become a page higher meanwhile.
    await client.query(
      "insert into user_option (user_id, scope_kind, scope_id, key, value) select $1, 0, 0, 'k' || n, '1' from generate_series(1, $2::int) n",
      [String(waiting), FILLING],
    );
    // Plans of passes that were made for an empty log are made again, as they are when PostgreSQL does this by itself.
    await client.query("analyze");
    const { rows: last } = await client.query<{ id: string }>("select max(id) as id from changes");
    /** The cost of passes that give one position each, while nobody else writes. */
    const probe = async (): Promise<Record<Statement, Cost>> => {
      own.pause(true);
      await delay(500);
      const start = await costsOf(client);
      for (let count = 0; count < PROBES; count += 1) await own.writeOne();
      const end = await costsOf(client);
      own.pause(false);
      return perCall(start, end);
    };
    await delay(of(1_000, 10_000));
    const open = new pg.Client(fleet.databaseUrl);
    await open.connect();
    await open.query("begin");
    await open.query("select set_config('userd.request_id', 'open', true)");
    await open.query("insert into user_option (user_id, scope_kind, scope_id, key, value) values ($1, 0, 0, 'n', '1')", [String(waiting)]);
    const beginning = await probe();
    const from = machineTime();
    await delay(of(3_000, 60_000));
    const [p99, p99Without] = [own.p99Since(from), without.p99Since(from)];
    const end = await probe();
    await open.query("commit");
    await open.end();
    own.acknowledged.set("open", machineTime());
    const skipped = (await own.stop()).length + (await without.stop()).length;

    const { complaints, misplaced, told } = await judgeFeed(fleet.databaseUrl, BigInt(last[0]?.id ?? 0));
    if (skipped > 0) complaints.push(`${skipped} changes were not delivered`);
    const ratio = Math.round((p99 / p99Without) * 100) / 100;
    // A short run has too few deliveries to speak of a hundredth of them.
    if (!isShort && ratio > MOST) complaints.push(`deliveries took ${ratio} × as long (p99) as without the transaction`);
    const blocks = (costs: Record<Statement, Cost>) => costs.lock.blocks + costs.find.blocks + costs.store.blocks;
    const dearer = Math.round((blocks(end) / blocks(beginning)) * 100) / 100;
    if (!(dearer <= MOST)) complaints.push(`a pass read ${dearer} × as many blocks at the end as at the beginning`);
    return {
      operations: told.length,
      faults: 1,
      figure: skipped + misplaced,
      bound: 0,
      complaints,
      besides: {
        p99_ms: p99,
        p99_without_ms: p99Without,
        p99_ratio: ratio,
        blocks_ratio: dearer,
        beginning: JSON.stringify(beginning),
        end: JSON.stringify(end),
      },
    };
  },
};
