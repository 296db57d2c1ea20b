import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { clientOf } from "../../src/client/streams.ts";
import { ChangeService } from "../../src/gen/userd/v1/change_service_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { toValue } from "../../src/options/value.ts";
import { newDatabase } from "../../test/support/new-database.ts";
import type { Bench, GaugeRow, Row, SpeedRow } from "../bench.ts";
import { residentMb } from "../child.ts";
import type { Side } from "../rounds.ts";
import { seed } from "../seed.ts";
import type { Service, Userd } from "../service.ts";
import { prepareWrites } from "./set-option.ts";

/** Streams of one HTTP/2 connection, fewer than its limit. */
const STREAMS = 80;

/** Opens watchers, each of the user at its place, or of all changes, and waits until each has its first bookmark. */
const openWatchers = async (
  userd: Pick<Userd, "grpcAddress">,
  count: number,
  userIds: readonly bigint[],
  arrived: (index: number) => void = () => {},
) => {
  const stop = new AbortController();
  const started: Promise<void>[] = [];
  for (let first = 0; first < count; first += STREAMS) {
    const client = createClient(ChangeService, createGrpcTransport({ baseUrl: `http://${userd.grpcAddress}` }));
    for (let index = first; index < Math.min(first + STREAMS, count); index += 1) {
      const userId = userIds[index % userIds.length];
      const filter = userId === undefined ? {} : { userIds: [userId] };
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      started.push(promise);
      void (async () => {
        try {
          for await (const { changes } of client.watchChanges({ filter }, { signal: stop.signal, timeoutMs: 3_600_000 })) {
            resolve();
            if (changes.length > 0) arrived(index);
          }
        } catch (error) {
          if (!stop.signal.aborted) reject(error);
        }
      })();
    }
  }
  await Promise.all(started);
  return () => stop.abort();
};

/** SetOption while there are watchers, against the same without. */
const watched = (name: string, what: string, userIdsOf: (bench: Bench) => readonly bigint[], goal?: Row["goal"]): SpeedRow => ({
  name,
  yardstick: "no watchers (userd too)",
  ...(goal && { goal }),
  valuesPerCall: 1,
  prepare: async (bench) => {
    const { side, load } = await prepareWrites(bench);
    const withWatchers: Side = async (options) => {
      const close = await openWatchers(bench.service, 100, userIdsOf(bench));
      try {
        return await side(options);
      } finally {
        close();
        await delay(200);
      }
    };
    return { userd: withWatchers, yardstick: side, load: `${load}; ${what}`, [Symbol.asyncDispose]: () => Promise.resolve() };
  },
});

/** SetOption with the sequencer of the process, against a process that gives no positions, each on a database of its own. */
export const setOptionFeed: Row = {
  name: "set_option_feed",
  yardstick: "without the sequencer (userd too)",
  goal: { atLeast: 0.9 },
  valuesPerCall: 1,
  prepare: async (bench) => {
    await using stack = new AsyncDisposableStack();
    const start = async (script?: string): Promise<Side> => {
      const { url } = stack.use(await newDatabase(bench.service.databaseUrl, "userd_bench_feed"));
      const userd = stack.use(
        await bench.service.startAnother({ settings: { DATABASE_URL: url }, ...(script !== undefined && { script }) }),
      );
      const service: Service = { ...bench.service, ...userd, databaseUrl: url };
      const { side } = await prepareWrites({ ...bench, service, seed: await seed(service, 1_000) });
      return side;
    };
    const [userd, yardstick] = [await start(), await start("bench/yardsticks/without-sequencer.ts")];
    const running = stack.move();
    return { userd, yardstick, load: "as set_option, on two databases", [Symbol.asyncDispose]: () => running.disposeAsync() };
  },
};

/** SetOption with 100 watchers of other users. */
export const setOptionWatched: Row = watched(
  "set_option_watched",
  "100 watchers, each of another user",
  ({ seed: { userIds } }) => userIds,
  { atLeast: 0.9 },
);

/** SetOption with 100 watchers of all changes. */
export const setOptionWatchedByAll: Row = watched("set_option_watched_by_all", "100 watchers of everything", () => []);

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

/** The times from the answer of a write to the arrival of its change, in ms, with so many watchers of other users. */
const deliveries = async (userd: Userd, watchers: number, userIds: readonly bigint[], writes: number): Promise<readonly number[]> => {
  const waiting = new Map<number, () => void>();
  const close = await openWatchers(userd, watchers, userIds, (index) => waiting.get(index)?.());
  const options = createClient(UserOptionService, createGrpcTransport({ baseUrl: `http://${userd.grpcAddress}` }));
  const times: number[] = [];
  for (let write = 0; write < writes; write += 1) {
    const index = write % Math.min(watchers, userIds.length);
    let arrivedAt: number | undefined;
    const arrived = new Promise<void>((resolve) =>
      waiting.set(index, () => {
        arrivedAt ??= performance.now();
        resolve();
      }),
    );
    await options.setOption({ userId: userIds[index] ?? 0n, key: "bench_feed", value: toValue(write + Math.random()) });
    const answeredAt = performance.now();
    await arrived;
    waiting.delete(index);
    times.push(Math.max(0, (arrivedAt ?? Number.NaN) - answeredAt));
    await delay(20 + (write % 30));
  }
  close();
  await delay(300);
  return times;
};

/** How long a change takes from its commit to a watcher, with 1 and with 1,000 watchers, and what a watcher takes of memory. */
export const feedDelivery: GaugeRow = {
  name: "feed_delivery",
  yardstick: "median with 1 watcher (userd too)",
  unit: "µs",
  gauge: async ({ service, seed: { userIds } }) => {
    await using userd = await service.startAnother({});
    const resident = () => residentMb(userd.pid)?.now ?? Number.NaN;
    const one = await deliveries(userd, 1, userIds, 200);
    const before = resident();
    const close = await openWatchers(userd, 1_000, userIds);
    const perWatcher = ((resident() - before) * 1_024) / 1_000;
    close();
    await delay(500);
    const many = await deliveries(userd, 1_000, userIds, 200);
    return {
      value: percentile(many, 0.5) * 1_000,
      yardstick: percentile(one, 0.5) * 1_000,
      details: {
        ms_p50_of_1: percentile(one, 0.5),
        ms_p99_of_1: percentile(one, 0.99),
        ms_p50_of_1000: percentile(many, 0.5),
        ms_p99_of_1000: percentile(many, 0.99),
        kb_a_watcher: perWatcher,
      },
    };
  },
};

const CHANGES = 100_000;

/** Changes per second through the feed, of a stream that begins behind all of them, against the same log read by hand in pages. */
export const feedThroughput: GaugeRow = {
  name: "feed_throughput",
  yardstick: "the log read by hand, pg alone, 1,000 rows a statement",
  unit: "changes/s",
  gauge: async ({ service, seed: { userIds } }) => {
    const client = clientOf(ChangeService, createGrpcTransport({ baseUrl: `http://${service.grpcAddress}` }));
    const { head } = await client.getFeedPosition({});
    const database = new pg.Client(service.databaseUrl);
    await database.connect();
    await database.query(
      `insert into user_option (user_id, scope_kind, scope_id, key, value)
        select u, 0, 0, 'feed' || n, '1' from unnest($1::bigint[]) u cross join generate_series(1, $2) n`,
      [userIds.map(String), CHANGES / userIds.length],
    );
    await client.getFeedPosition({}, { timeoutMs: 60_000 });
    const startedAt = performance.now();
    let changes = 0;
    for await (const message of client.watchChanges({ start: { case: "position", value: head } }, { timeoutMs: 60_000 })) {
      changes += message.changes.length;
      if (changes >= CHANGES) break;
    }
    const byFeed = changes / ((performance.now() - startedAt) / 1_000);
    const { rows } = await database.query<{ first: string }>("select max(id) - $1 as first from changes", [CHANGES]);
    let last = rows[0]?.first ?? "0";
    let read = 0;
    const readAt = performance.now();
    for (;;) {
      const page = await database.query<{ id: string }>("select * from changes where id > $1 order by id limit 1000", [last]);
      if (page.rows.length === 0) break;
      read += page.rows.length;
      last = page.rows.at(-1)?.id ?? last;
    }
    const byHand = read / ((performance.now() - readAt) / 1_000);
    await database.end();
    return { value: byFeed, yardstick: byHand, details: { changes, read } };
  },
};
