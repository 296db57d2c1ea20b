import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { root, temporaryFolder } from "../../test/foreign/tools.ts";
import { freePort } from "../../test/support/postgres.ts";
import { startNode, startProgram } from "../child.ts";
import type { Pins } from "../cpus.ts";
import { buildGo } from "../go.ts";
import { startFlags } from "../start-flags.ts";
import type { BareServer } from "../yardsticks/bare.ts";

/** What a service by hand is told. */
export type PeerJob = {
  readonly url: string;
  /** The table that it writes: the columns of `user_option`, without triggers. */
  readonly table: string;
  readonly connections: number;
  /** How old its answers may be, in milliseconds: as old as userd's. */
  readonly boundMs: number;
  /** The most answers that it keeps. */
  readonly entries: number;
};

/** Starts a service by hand, on the server's core, over the database of a userd. */
export type StartPeer = (url: string, pins: Pick<Pins, "server">) => Promise<BareServer>;

const table = "bench_peer_option";

const jobOf = (url: string): PeerJob => ({ url, table, connections: 20, boundMs: 2_000, entries: 100_000 });

/** Makes the table that a service by hand writes, with the rows of userd's. */
const makeTable = async (url: string): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(`drop table if exists ${table}`);
    await client.query(
      `create table ${table} (like user_option including defaults including generated including identity including indexes)`,
    );
    await client.query(
      `insert into ${table} (user_id, scope_kind, scope_id, key, value) select user_id, scope_kind, scope_id, key, value from user_option`,
    );
  } finally {
    await client.end();
  }
};

/** Starts the service in Node: grpc-js, pg and lru-cache. */
export const startNodePeer: StartPeer = async (url, pins) => {
  const script = fileURLToPath(new URL("node/server.ts", import.meta.url));
  const child = startNode(script, [], { cpus: pins.server, nodeFlags: startFlags, job: jobOf(url) });
  return { pid: child.pid, address: await child.nextLine(), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
};

/** The Python that has what `bench/peers/django/requirements.txt` names; undefined = there is none. */
export const djangoPython = process.env["PEER_PYTHON"];

/** Waits until somebody answers at a URL, whatever the answer is. Throws when nobody does within 20 s. */
const untilAnswering = async (url: string): Promise<void> => {
  for (let left = 200; left > 0; left -= 1) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await delay(100);
  }
  throw new Error(`Nobody answers at ${url}.`);
};

/** Starts the service in Python: Django REST framework under gunicorn, over HTTP/1.1: one process of four threads. */
export const startDjangoPeer: StartPeer = async (url, pins) => {
  const { boundMs } = jobOf(url);
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const shape = ["--worker-class", "gthread", "--workers", "1", "--threads", "4", "--keep-alive", "60"];
  const place = ["--chdir", fileURLToPath(new URL("django", import.meta.url)), "--bind", address];
  const command = [djangoPython ?? "python3", "-m", "gunicorn", ...shape, ...place, "service:application"];
  await using stack = new AsyncDisposableStack();
  const child = stack.use(
    startProgram(command, { cpus: pins.server, env: { DATABASE_URL: url, BOUND_MS: String(boundMs), PYTHONDONTWRITEBYTECODE: "1" } }),
  );
  await untilAnswering(`http://${address}/`);
  const running = stack.move();
  return { pid: child.pid, address, [Symbol.asyncDispose]: () => running.disposeAsync() };
};

/** Starts the service in Go: grpc-go, pgx, golang-lru and singleflight; it has one core, and so GOMAXPROCS of 1. */
export const startGoPeer: StartPeer = async (url, pins) => {
  await using stack = new AsyncDisposableStack();
  const program = await buildGo(join(root, "bench/peers/go"), ".", stack.use(await temporaryFolder()).path);
  await makeTable(url);
  const child = stack.use(startProgram([program], { cpus: pins.server, env: { GOMAXPROCS: "1" }, job: jobOf(url) }));
  const address = await child.nextLine();
  const running = stack.move();
  return { pid: child.pid, address, [Symbol.asyncDispose]: () => running.disposeAsync() };
};
