import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createUsers, unique, value } from "../../support/build.ts";
import { type Clients, createClients } from "../../support/clients.ts";
import type { Member } from "../../support/fleet.ts";
import { hasRedis } from "../../support/redis.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";
import { growthPerHour, medianOf, type Point } from "../slope.ts";

const SAMPLE_MS = 1_000;
/** Calls in progress at any time: some six tenths of what two cores can do, with a pause behind each call. */
const LOOPS = 12;

/**
 * As the image runs it, with so little memory for what was read that its tables are full before anything is measured: until then they grow up to their
 * bounds, which is no leak.
 */
const settings = { NODE_OPTIONS: "--max-semi-space-size=16", GLIBC_TUNABLES: "glibc.malloc.mxfast=0", CACHE_MEMORY_MB: "4" };

const strong = { mode: { case: "fullyConsistent" as const, value: true } };

/** What is followed, how much it may grow in an hour as a share of itself, and how much in all whatever its share. */
const followed = {
  // What is garbage and what V8 keeps for later goes up and down by some percent; the first minutes are those of its compilers.
  memory_mb: { perHour: 0.01, slack: 15, slackInShort: 64 },
  files: { perHour: 0, slack: 3 },
  // Each call in progress has one or two.
  timers: { perHour: 0, slack: 24 },
  connections: { perHour: 0, slack: 2 },
  pool: { perHour: 0, slack: 2 },
  delay_p99_ms: { perHour: 0, slack: 0 },
} as const;

type Name = keyof typeof followed;

const gauge = (page: string, name: string): number => Number(new RegExp(`^${name} ([\\d.e+-]+)$`, "m").exec(page)?.[1] ?? Number.NaN);

const sample = async ({ service, metrics }: Member, connections: () => Promise<number>): Promise<Readonly<Record<Name, number>>> => {
  const page = await metrics();
  const { pid } = service().process;
  return {
    memory_mb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024,
    files: readdirSync(`/proc/${pid}/fd`).length,
    timers: gauge(page, 'nodejs_active_resources\\{type="Timeout"\\}'),
    connections: gauge(page, 'nodejs_active_resources\\{type="TCPSocketWrap"\\}'),
    pool: await connections(),
    delay_p99_ms: 1_000 * gauge(page, "nodejs_eventloop_lag_p99_seconds"),
  };
};

/** Calls over a connection to the HTTP port that ends with its answer. */
const overNewHttp = ({ addresses }: Member, userId: bigint): Promise<void> =>
  new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const path = "/userd.v1.UserOptionService/GetOption";
    const sent = request({ ...addresses.httpAddress, path, method: "POST", agent: false, headers }, (response) => {
      response.resume().on("end", resolve).on("error", reject);
    });
    sent.on("error", reject).end(JSON.stringify({ userId: String(userId), key: "k" }));
  });

/** Mixed calls, over connections that come and go now and then, cancelled calls and refused ones among them. */
const traffic = async (clients: readonly Clients[], member: Member, ids: readonly bigint[], until: number) => {
  let operations = 0;
  const pick = <T>(all: readonly T[]): T => all[operations % all.length] as T;
  const calls: readonly ((one: Clients, id: bigint) => Promise<unknown>)[] = [
    ({ options }, userId) => options.getOption({ userId, key: "k" }),
    ({ options }, userId) => options.getOption({ userId, key: "k", consistency: strong }),
    ({ users }, id) => users.getUser({ id }),
    ({ options }, userId) => options.setOption({ userId, key: "k", value: value(operations) }),
    ({ options }, userId) => options.listOptions({ userId }),
    ({ users }) => users.listUsers({ pageSize: 50 }),
    ({ users }) => users.getUser({ id: 2n ** 50n }),
    ({ options }, userId) => options.setOption({ userId, key: "k", value: value(operations) }, { signal: AbortSignal.timeout(2) }),
    ({ profiles }) => profiles.createAccount({ account: { name: unique("Grown ") } }, { signal: AbortSignal.timeout(3) }),
  ];
  const loop = async (one: Clients): Promise<void> => {
    while (performance.now() < until) {
      operations += 1;
      // What fails here is judged by other drills.
      await pick(calls)(one, pick(ids)).catch(() => {});
      await delay(5);
    }
  };
  const comeAndGo = async (): Promise<void> => {
    while (performance.now() < until) {
      const { byKind, close } = createClients(member.addresses);
      await byKind["grpc-js"].options.getOption({ userId: ids[0] ?? 0n, key: "k" }).catch(() => {});
      close();
      await overNewHttp(member, ids[0] ?? 0n).catch(() => {});
      operations += 1;
      await delay(250);
    }
  };
  await Promise.all([...Array.from({ length: LOOPS }, (_, index) => loop(clients[index % clients.length] as Clients)), comeAndGo()]);
  return operations;
};

/** A service under load for a long time. */
export const growth: Drill = {
  rows: [26],
  name: "growth",
  about:
    "one service under mixed calls, of which some are cancelled, and connections that come and go, for an hour; counts what grows after the first quarter: memory, files, timers, connections, those to the database, the delay of the event loop",
  lacks: () => (hasRedis ? undefined : "there is no redis-server on this machine"),
  lastsForSomeTime: true,
  run: async ({ fleet, lasts, isShort, stack }) => {
    const { members, databaseUrl } = await fleet({ size: 1, withRedis: true, settings });
    const [member] = members;
    if (member === undefined) throw new Error("The fleet has no members.");
    const clients = connectClients(members, 4, stack);
    const [first] = clients;
    if (first === undefined) throw new Error("There are no clients.");
    const ids = (await createUsers(first, 100)).map(({ id }) => id);
    const observer = new pg.Client(databaseUrl);
    await observer.connect();
    stack.defer(() => observer.end());
    const connections = async (): Promise<number> => {
      const { rows } = await observer.query<{ count: number }>(
        "select count(*)::int as count from pg_stat_activity where datname = current_database() and application_name like 'userd%'",
      );
      return rows[0]?.count ?? Number.NaN;
    };
    const milliseconds = lasts(40_000, 3_600_000);
    const began = performance.now();
    const points = Object.fromEntries(Object.keys(followed).map((name) => [name, [] as Point[]])) as Record<Name, Point[]>;
    const running = traffic(clients, member, ids, began + milliseconds);
    await delay(milliseconds / 4);
    while (performance.now() < began + milliseconds) {
      const seen = await sample(member, connections);
      const at = performance.now();
      for (const name of Object.keys(followed) as Name[]) points[name].push({ at, value: seen[name] });
      await delay(SAMPLE_MS);
    }
    const operations = await running;
    const complaints: string[] = [];
    const besides: Record<string, number> = {};
    const hours = (milliseconds * 0.75) / 3_600_000;
    for (const name of Object.keys(followed) as Name[]) {
      const { perHour, slack, ...more } = followed[name];
      const allowed = isShort && "slackInShort" in more ? more.slackInShort : slack;
      const typical = medianOf(points[name]);
      const grown = growthPerHour(points[name]) * hours;
      const half = Math.floor(points[name].length / 2);
      const doubled = medianOf(points[name].slice(half)) > 2 * medianOf(points[name].slice(0, half));
      besides[name] = Math.round(typical * 10) / 10;
      besides[`${name}_grown`] = Math.round(grown * 10) / 10;
      if (!Number.isFinite(grown)) complaints.push(`${name} could not be measured`);
      // A delay is not kept: it may not become twice what it was.
      else if (name === "delay_p99_ms" ? doubled : grown > perHour * hours * typical + allowed)
        complaints.push(`${name} has grown by ${besides[`${name}_grown`]} from ${besides[name]}`);
    }
    return { operations, faults: 0, figure: complaints.length, bound: 0, complaints, besides };
  },
};
