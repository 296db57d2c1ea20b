import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import type { Bench, Prepared, Row } from "../bench.ts";
import { watchCacheUse } from "../cache-use.ts";
import { watchDatabase } from "../database-cpu.ts";
import { withoutGo } from "../go.ts";
import { hasH2load, loadHttp1 } from "../load/h2load.ts";
import type { Target } from "../load/load.ts";
import { djangoPython, type StartPeer, startDjangoPeer, startGoPeer, startNodePeer } from "../peers/start.ts";
import { rawCall } from "../raw-call.ts";
import { watched } from "../rounds.ts";
import { seededOptions } from "../seed.ts";
import { readOption } from "./get-option.ts";
import { targetOf, userdSide } from "./read.ts";
import { prepareWrites } from "./set-option.ts";
import { writeShape } from "./write.ts";

/** GetOption on hits by userd and by a service by hand, which has the same bound. */
const prepareHits = async (bench: Bench, startPeer: StartPeer): Promise<Prepared> => {
  const { service, pins, load } = bench;
  const read = readOption(bench);
  const { target, first } = await targetOf(service, read);
  const peer = await startPeer(service.databaseUrl, pins);
  read.check(fromBinary(read.method.output, await rawCall(peer.address, target.path, first)));
  const { side, hitShare } = watchCacheUse(
    service,
    userdSide(service, (options) => load.run(target, options), target.path),
    "hits",
  );
  return {
    userd: side,
    yardstick: watched(peer.pid, (options) => load.run({ ...target, address: peer.address }, options)),
    load: `${target.connections} × ${target.streams} calls in flight by ${load.name}`,
    details: () => ({ hit_share: hitShare() }),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
};

/** Calls that both answer from the database, with what they cost the database. */
const prepareStatements = async ({ service, pins, varying }: Bench, target: Target, startPeer: StartPeer): Promise<Prepared> => {
  await using stack = new AsyncDisposableStack();
  const peer = stack.use(await startPeer(service.databaseUrl, pins));
  const database = stack.use(await watchDatabase(service.databaseUrl));
  const userd = database.watch(userdSide(service, (options) => varying.run(target, options), target.path));
  const yardstick = database.watch(watched(peer.pid, (options) => varying.run({ ...target, address: peer.address }, options)));
  const running = stack.move();
  return {
    userd,
    yardstick,
    load: `${target.connections} × ${target.streams} calls in flight by ${varying.name}`,
    details: () => ({
      postgres_cpu_us: Math.round(database.perCall(userd)),
      postgres_cpu_us_by_hand: Math.round(database.perCall(yardstick)),
    }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

/** GetOption on hits by userd, and the same option by a service over HTTP/1.1 in JSON. */
const prepareDjango = async (bench: Bench): Promise<Prepared> => {
  const { service, pins, load, seed } = bench;
  const { target } = await targetOf(service, readOption(bench));
  await using stack = new AsyncDisposableStack();
  const peer = stack.use(await startDjangoPeer(service.databaseUrl, pins));
  const url = `http://${peer.address}/options/${seed.userIds[0]}/timezone`;
  const answer = (await (await fetch(url)).json()) as { readonly value?: unknown };
  assert.equal(answer.value, seededOptions.timezone);
  const running = stack.move();
  return {
    userd: userdSide(service, (options) => load.run(target, options), target.path),
    yardstick: watched(peer.pid, loadHttp1(url, 8, pins.client)),
    load: `${target.connections} × ${target.streams} calls in flight by ${load.name}; HTTP/1.1: 8 connections by h2load`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

const inGo = "a service by hand in Go: grpc-go, pgx, an LRU";

/** The rows beside services by hand, of `bench/peers/`. */
export const peers: readonly Row[] = [
  {
    name: "get_option_go",
    yardstick: inGo,
    valuesPerCall: 1,
    skip: withoutGo,
    prepare: (bench) => prepareHits(bench, startGoPeer),
  },
  {
    name: "get_option_node",
    yardstick: "a service by hand in Node: grpc-js, pg, an LRU",
    valuesPerCall: 1,
    prepare: (bench) => prepareHits(bench, startNodePeer),
  },
  {
    name: "get_option_django",
    yardstick: "a service by hand in Django REST framework: gunicorn, JSON, Django's cache",
    valuesPerCall: 1,
    skip: () => {
      if (djangoPython === undefined) return "PEER_PYTHON names no Python with bench/peers/django/requirements.txt";
      return hasH2load() ? undefined : "there is no h2load";
    },
    prepare: prepareDjango,
  },
  {
    name: "get_option_latest_go",
    yardstick: inGo,
    valuesPerCall: 1,
    skip: withoutGo,
    prepare: async (bench) => {
      const consistency = { mode: { case: "fullyConsistent" as const, value: true } };
      const requests = bench.seed.userIds.map((userId) => ({ userId, key: "timezone", consistency }));
      const { target } = await targetOf(bench.service, { ...readOption(bench, writeShape), requests });
      return prepareStatements(bench, target, startGoPeer);
    },
  },
  {
    name: "set_option_go",
    yardstick: "a plain upsert by a service by hand in Go: grpc-go, pgx",
    valuesPerCall: 1,
    skip: withoutGo,
    prepare: async (bench) => prepareStatements(bench, (await prepareWrites(bench)).target, startGoPeer),
  },
];
