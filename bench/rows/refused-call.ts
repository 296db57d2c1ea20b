import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import pg from "pg";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { createGrpcJsTransport } from "../../test/support/grpc-js-transport.ts";
import type { Row } from "../bench.ts";
import { frame } from "../load/load.ts";
import { readMetrics } from "../metrics.ts";
import { type Side, watched } from "../rounds.ts";
import type { Userd } from "../service.ts";
import { startRefusingServer } from "../yardsticks/bare.ts";

/** The status of a refused call. */
type Refusal = { readonly code: number; readonly details: string; readonly trailers: Readonly<Record<string, string>> };

const refusalOf = ({ code, details, metadata }: ServiceError): Refusal => {
  const trailers = Object.entries(metadata.getMap()).filter(([name]) => /^grpc-(retry|status-details)/.test(name));
  const texts = trailers.map(([name, value]) => [name, typeof value === "string" ? value : value.toString("base64")] as const);
  return { code, details, trailers: Object.fromEntries(texts) };
};

const refuse = (address: string, path: string): Promise<Refusal> =>
  new Promise((resolve, reject) => {
    const client = new Client(address, credentials.createInsecure());
    const asIs = (bytes: Buffer): Buffer => bytes;
    client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), new Metadata(), (error) => {
      client.close();
      if (error === null) reject(new Error(`${path} was answered: the server is not full`));
      else resolve(refusalOf(error));
    });
  });

/** Keeps a userd that takes one call full, by a call that waits for a table that somebody has locked. */
const keepFull = async (databaseUrl: string, { grpcAddress, httpAddress }: Userd, userId: bigint): Promise<AsyncDisposable> => {
  const locker = new pg.Client(databaseUrl);
  await locker.connect();
  await locker.query("begin; lock table users in access exclusive mode");
  const transport = createGrpcJsTransport(grpcAddress);
  const users = createClient(UserService, transport);
  let isOver = false;
  const waits = (async () => {
    const request = { id: userId, consistency: { mode: { case: "fullyConsistent", value: true } } } as const;
    while (!isOver) await users.getUser(request, { timeoutMs: 55_000 }).catch(() => delay(1));
  })();
  while ((await readMetrics({ httpAddress })).value("userd_calls_in_progress") === 0) await delay(20);
  return {
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await locker.query("rollback");
      await locker.end();
      await waits;
      transport.close();
    },
  };
};

/** What a call costs on one of the ports that a full server refuses: neither side reads the request. */
const refusedOn = (name: string, addressOf: (userd: Userd) => string): Row => ({
  name,
  yardstick: "bare grpc-js that refuses by trailers alone",
  goal: { atLeast: 1 / 1.3 },
  valuesPerCall: 1,
  prepare: async ({ service, pins, load, seed }) => {
    await using stack = new AsyncDisposableStack();
    const userd = stack.use(await service.startAnother({ settings: { MAX_CONCURRENT_CALLS: "1" } }));
    const [userId = 0n] = seed.userIds;
    stack.use(await keepFull(service.databaseUrl, userd, userId));
    const path = "/userd.v1.UserOptionService/GetOption";
    const address = addressOf(userd);
    // The first call is refused by the interceptors, which remember the caller for the gate.
    await refuse(address, path);
    const refusal = await refuse(address, path);
    const bare = stack.use(await startRefusingServer(path, refusal, pins));
    const target = { path, connections: 4, streams: 25, bodies: [{ bytes: frame(Buffer.alloc(12)) }], status: `${refusal.code}` };
    const on =
      (to: string): Side =>
      (options) =>
        load.run({ ...target, address: to }, options);
    const running = stack.move();
    return {
      userd: watched(userd.pid, on(address)),
      yardstick: watched(bare.pid, on(bare.address)),
      load: `4 × 25 calls in flight by ${load.name}`,
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
});

/** What a refusal costs on the gRPC port. */
export const refusedCall = refusedOn("refused_call", ({ grpcAddress }) => grpcAddress);

/** What a refusal costs on the HTTP port, also in gRPC, which is there behind Node's own API for requests. */
export const refusedHttpCall = refusedOn("refused_http_call", ({ httpAddress }) => httpAddress);
