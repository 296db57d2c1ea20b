import { setTimeout as delay } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { createUser, createUsers, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { startFleet } from "../../support/fleet.ts";
import { startPostgres } from "../../support/postgres.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";
import { judgeFeed } from "../judge-feed.ts";
import { machineTime } from "../moments.ts";
import { percentile } from "../percentile.ts";

const WRITERS = 4;
/** The writes, one after the other, by which passes are compared. */
const PROBES = 20;
/** The changes that are there before. */
const FILLING = 4_000;
/** The wait after a write, so that processes have time to spare: what waits for a processor says nothing of the transaction. */
const PAUSE_MS = 25;
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
        coalesce(sum(total_exec_time), 0)::float8 as milliseconds from pg_stat_statements where toplevel and query ilike $1 and query not ilike '%pg_stat_statements%'`,
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

/** Follows the feed, and notes when the change of each request was delivered. */
const startListening = ({ changes }: Clients) => {
  const ending = new AbortController();
  const delivered = new Map<string, number>();
  const running = (async () => {
    try {
      for await (const message of changes.watchChanges(
        { filter: { kinds: ["user_option"] }, bookmarkInterval: { nanos: 250_000_000 } },
        { signal: ending.signal, timeoutMs: 600_000 },
      )) {
        const now = machineTime();
        for (const { requestId } of message.changes) delivered.set(requestId, now);
      }
    } catch (error) {
      if (!(error instanceof ConnectError) || !ending.signal.aborted) throw error;
    }
  })();
  running.catch(() => {});
  return {
    delivered,
    stop: async () => {
      ending.abort();
      await running;
    },
  };
};

/** A transaction stays open while others commit. */
export const openTransaction: Drill = {
  rows: [37],
  name: "open-transaction",
  about:
    "a transaction that has written stays open for a minute while others commit; counts changes that were not delivered, the p99 of deliveries beside that without it, and what a pass of the sequencer costs at its beginning and end",
  run: async ({ of, stack, isShort }) => {
    const postgres = await startPostgres({
      settings: ["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=top"],
      onLog: () => {},
    });
    stack.defer(() => postgres.stop());
    const fleet = stack.use(await startFleet({ postgresUrl: postgres.url, size: of(1, 3) }));
    const clients = connectClients(fleet.members, WRITERS + 1, stack, { defaultTimeoutMs: 600_000 });
    const [listening, ...writing] = clients;
    if (listening === undefined) throw new Error("The fleet has no members.");
    const users = await createUsers(listening, WRITERS);
    const { id: waiting } = await createUser(listening);
    const client = new pg.Client(fleet.databaseUrl);
    await client.connect();
    stack.defer(() => client.end());
    await client.query("create extension pg_stat_statements");
    // Indexes that are small become a page higher meanwhile.
    await client.query(
      "insert into user_option (user_id, scope_kind, scope_id, key, value) select $1, 0, 0, 'k' || n, '1' from generate_series(1, $2::int) n",
      [String(waiting), FILLING],
    );
    const { rows: last } = await client.query<{ id: string }>("select max(id) as id from changes");
    const listener = startListening(listening);
    await delay(500);

    /** When each write was acknowledged, by its request id. */
    const acknowledged = new Map<string, number>();
    const write = async ({ options }: Clients, userId = 0n, next = 0): Promise<string> => {
      const requestId = crypto.randomUUID();
      await options.setOption({ userId, key: "n", value: value(next) }, { headers: { "x-request-id": requestId } });
      acknowledged.set(requestId, machineTime());
      return requestId;
    };
    let isStopped = false;
    let isPaused = false;
    const writers = writing.map(async (one, index) => {
      for (let next = 1; !isStopped; next += 1) {
        while (isPaused) await delay(1);
        await write(one, users[index]?.id, next);
        await delay(PAUSE_MS);
      }
    });
    /** The cost of passes that give one position each, while nobody else writes. */
    const probe = async (): Promise<Record<Statement, Cost>> => {
      isPaused = true;
      await delay(500);
      const start = await costsOf(client);
      for (let count = 0; count < PROBES; count += 1) {
        const id = await write(listening, users[0]?.id, -count);
        while (!listener.delivered.has(id)) await delay(1);
      }
      const end = await costsOf(client);
      isPaused = false;
      return perCall(start, end);
    };
    /** Deliveries of what is acknowledged meanwhile. */
    const during = async (work: () => Promise<unknown>) => {
      const from = machineTime();
      await work();
      return { from, to: machineTime() };
    };
    const before = await during(() => delay(of(1_500, 30_000)));
    const open = new pg.Client(fleet.databaseUrl);
    await open.connect();
    await open.query("begin");
    await open.query("select set_config('userd.request_id', 'open', true)");
    await open.query("insert into user_option (user_id, scope_kind, scope_id, key, value) values ($1, 0, 0, 'n', '1')", [String(waiting)]);
    const beginning = await probe();
    const within = await during(() => delay(of(3_000, 60_000)));
    const end = await probe();
    await open.query("commit");
    await open.end();
    acknowledged.set("open", machineTime());
    const after = await during(() => delay(of(1_500, 30_000)));
    isStopped = true;
    await Promise.all(writers);
    const until = performance.now() + 10_000;
    while ([...acknowledged.keys()].some((id) => !listener.delivered.has(id)) && performance.now() < until) await delay(20);
    await listener.stop();

    const { complaints, misplaced, told } = await judgeFeed(fleet.databaseUrl, BigInt(last[0]?.id ?? 0));
    const skipped = [...acknowledged.keys()].filter((id) => !listener.delivered.has(id)).length;
    if (skipped > 0) complaints.push(`${skipped} of ${acknowledged.size} changes were not delivered`);
    const latencies = (...periods: readonly { readonly from: number; readonly to: number }[]) =>
      [...acknowledged].flatMap(([id, at]) => {
        const delivered = listener.delivered.get(id);
        const isWithin = periods.some(({ from, to }) => at >= from && at < to);
        return delivered === undefined || !isWithin || id === "open" ? [] : [Math.max(0, delivered - at)];
      });
    const [without, beside] = [latencies(before, after), latencies(within)];
    const [p99Without, p99Within] = [percentile(without, 0.99), percentile(beside, 0.99)];
    const ratio = Math.round((p99Within / p99Without) * 100) / 100;
    // A short run has too few deliveries to speak of a hundredth of them.
    if (!isShort && ratio > MOST) complaints.push(`deliveries took ${ratio} × as long (p99) while the transaction was open`);
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
        p99_ms: p99Within,
        p99_without_ms: p99Without,
        p99_ratio: ratio,
        blocks_ratio: dearer,
        beginning: JSON.stringify(beginning),
        end: JSON.stringify(end),
      },
    };
  },
};
