import { randomBytes } from "node:crypto";
import pg from "pg";
import { createClients } from "../../support/clients.ts";
import { startPostgres } from "../../support/postgres.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";
import { startDatabaseProxy, startTcpProxy, type TcpProxy } from "../../support/tcp-proxy.ts";
import { type ServiceProcess, startService } from "../../support/userd.ts";

type Clients = ReturnType<typeof createClients>;

/** One process of the fleet, with what stands between it and its stores. */
export type Member = {
  readonly database: TcpProxy;
  readonly redis: TcpProxy;
  /** Undefined while it is being started again. */
  readonly clients: () => Clients["byKind"]["grpc-js"] | undefined;
  /** The text of its `/metrics`. */
  readonly metrics: () => Promise<string>;
  /** kill -9, and a new start in its place. */
  readonly replace: () => Promise<void>;
};

/** Three services over one PostgreSQL and one Redis, each with a proxy of its own to both. */
export type Fleet = AsyncDisposable & { readonly members: readonly Member[]; readonly redis: TestRedis; readonly databaseUrl: string };

const startMember = async (stack: AsyncDisposableStack, databaseUrl: string, redis: TestRedis, boundMs: number): Promise<Member> => {
  const database = stack.use(await startDatabaseProxy(databaseUrl));
  const redisPort = Number(new URL(redis.url).port);
  const redisProxy = stack.use(await startTcpProxy({ host: "127.0.0.1", port: redisPort }));
  const settings = {
    DATABASE_URL: database.through(databaseUrl),
    CACHE_URL: redisProxy.through(redis.url),
    CACHE_STALENESS_MS: String(boundMs),
    CACHE_SAMPLE_SECONDS: "1",
    LOG_LEVEL: "fatal",
  };
  let service: ServiceProcess | undefined;
  let clients: Clients | undefined;
  const start = async (): Promise<void> => {
    service = await startService(settings);
    clients = createClients(service, { defaultTimeoutMs: 4_000 });
  };
  const end = async (): Promise<void> => {
    clients?.close();
    clients = undefined;
    await service?.[Symbol.asyncDispose]();
  };
  await start();
  stack.defer(end);
  return {
    database,
    redis: redisProxy,
    clients: () => clients?.byKind["grpc-js"],
    metrics: async () => (await fetch(`http://127.0.0.1:${service?.httpAddress.port}/metrics`)).text(),
    replace: async () => {
      await end();
      await start();
    },
  };
};

/** Starts the fleet. */
export const startFleet = async (boundMs: number): Promise<Fleet> => {
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const admin = new pg.Client(postgres.url);
  await admin.connect();
  const name = `userd_soak_${randomBytes(4).toString("hex")}`;
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  const redis = stack.use(await startRedis());
  const members: Member[] = [];
  // One after the other: the first one migrates.
  for (let index = 0; index < 3; index += 1) members.push(await startMember(stack, url.href, redis, boundMs));
  const owned = stack.move();
  return { members, redis, databaseUrl: url.href, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};
