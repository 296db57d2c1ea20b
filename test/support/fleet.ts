import { randomBytes } from "node:crypto";
import pg from "pg";
import type { App } from "../../src/app.ts";
import { createClients } from "./clients.ts";
import { freePort } from "./postgres.ts";
import type { TestRedis } from "./redis.ts";
import { startDatabaseProxy, startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";
import { type ServiceProcess, startService } from "./userd.ts";

type Clients = ReturnType<typeof createClients>;
type Addresses = Pick<App, "grpcAddress" | "httpAddress">;

/** One process of the fleet, with what stands between it and its stores. */
export type Member = {
  readonly database: TcpProxy;
  /** Undefined in a fleet without a Redis. */
  readonly redis: TcpProxy | undefined;
  /** Where it listens; a process that takes its place listens there too. */
  readonly addresses: Addresses;
  /** Undefined while it is being started again. */
  readonly clients: () => Clients["byKind"]["grpc-js"] | undefined;
  /** The process; throws while there is none. */
  readonly service: () => ServiceProcess;
  /** The text of its `/metrics`. */
  readonly metrics: () => Promise<string>;
  /** The errors that it and its predecessors have logged, a line of JSON each. */
  readonly errors: () => readonly string[];
  /** kill -9, and a new start in its place. */
  readonly replace: () => Promise<void>;
  /** SIGTERM, and a new start in its place when the process has ended; resolves to its exit code. */
  readonly restart: () => Promise<number | null>;
};

/** Services over one PostgreSQL and one Redis, each with a proxy of its own to both. */
export type Fleet = AsyncDisposable & {
  readonly members: readonly Member[];
  readonly redis: TestRedis | undefined;
  readonly databaseUrl: string;
};

/** The way to start a fleet. */
export type FleetOptions = {
  /** The server in which the fleet gets a database of its own. */
  readonly postgresUrl: string;
  readonly redis?: TestRedis | undefined;
  /** How many processes; three by default. */
  readonly size?: number;
  readonly settings?: Readonly<Record<string, string>>;
};

const startMember = async (stack: AsyncDisposableStack, databaseUrl: string, { redis, settings = {} }: FleetOptions): Promise<Member> => {
  const database = stack.use(await startDatabaseProxy(databaseUrl));
  const redisProxy = redis && stack.use(await startTcpProxy({ host: "127.0.0.1", port: Number(new URL(redis.url).port) }));
  const [grpcPort, httpPort] = [await freePort(), await freePort()];
  const environment = {
    DATABASE_URL: database.through(databaseUrl),
    ...(redis && { CACHE_URL: redisProxy?.through(redis.url) }),
    GRPC_LISTEN: `127.0.0.1:${grpcPort}`,
    HTTP_LISTEN: `127.0.0.1:${httpPort}`,
    LOG_LEVEL: "error",
    ...settings,
  };
  const services: ServiceProcess[] = [];
  let service: ServiceProcess | undefined;
  let clients: Clients | undefined;
  /** Whether the fleet has ended: a process that is being started then, by a drill that has failed meanwhile, is not to be left behind. */
  let isOver = false;
  let starting: Promise<ServiceProcess> | undefined;
  const start = async (): Promise<void> => {
    if (isOver) throw new Error("The fleet has ended.");
    starting = startService(environment);
    service = await starting;
    services.push(service);
    clients = createClients(service, { defaultTimeoutMs: 4_000 });
  };
  const forget = (): void => {
    clients?.close();
    clients = undefined;
  };
  const kill = async (): Promise<void> => {
    forget();
    await service?.[Symbol.asyncDispose]();
    service = undefined;
  };
  stack.defer(async () => {
    isOver = true;
    await starting?.catch(() => {});
    await kill();
  });
  await start();
  return {
    database,
    redis: redisProxy,
    addresses: { grpcAddress: { host: "127.0.0.1", port: grpcPort }, httpAddress: { host: "127.0.0.1", port: httpPort } },
    clients: () => clients?.byKind["grpc-js"],
    service: () => {
      if (service === undefined) throw new Error("The process is being started again.");
      return service;
    },
    errors: () => services.flatMap((one) => one.logged()),
    metrics: async () => (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text(),
    replace: async () => {
      await kill();
      await start();
    },
    restart: async () => {
      service?.process.kill("SIGTERM");
      const ended = await service?.ended;
      forget();
      await start();
      return ended?.code ?? null;
    },
  };
};

/** Starts the fleet. */
export const startFleet = async (options: FleetOptions): Promise<Fleet> => {
  await using stack = new AsyncDisposableStack();
  const admin = new pg.Client(options.postgresUrl);
  await admin.connect();
  const name = `userd_fleet_${randomBytes(4).toString("hex")}`;
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = new URL(options.postgresUrl);
  url.pathname = `/${name}`;
  const members: Member[] = [];
  // One after the other: the first one migrates.
  for (let index = 0; index < (options.size ?? 3); index += 1) members.push(await startMember(stack, url.href, options));
  const owned = stack.move();
  return { members, redis: options.redis, databaseUrl: url.href, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};
