import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { SetOptionRequestSchema, SetOptionResponseSchema, UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { toValue } from "../../src/options/value.ts";
import type { Bench, Row } from "../bench.ts";
import { watchDatabase } from "../database-cpu.ts";
import type { Target } from "../load/load.ts";
import { rawCall } from "../raw-call.ts";
import { type Side, watched } from "../rounds.ts";
import { startUpsertServer } from "../yardsticks/by-hand/upsert.ts";
import { runWriter } from "../yardsticks/pg.ts";
import { setOptionStatement } from "../yardsticks/set-option-statement.ts";
import { userdSide } from "./read.ts";
import { stampedBody, stampedNumber, writersInFlight, writeShape } from "./write.ts";

const key = "bench_counter";
const method = UserOptionService.method.setOption;
const path = `/${method.parent.typeName}/${method.name}`;

const request = (userId: bigint, value: number): Uint8Array =>
  toBinary(SetOptionRequestSchema, create(SetOptionRequestSchema, { userId, key, value: toValue(value) }));

/**
 * SetOption of values that differ from what is stored, one option per user, users in turn. An equal value would write
 * nothing, so no call sends a number that another one sent.
 */
export const prepareWrites = async ({
  service,
  seed,
  varying,
}: Bench): Promise<{ readonly side: Side; readonly target: Target; readonly load: string }> => {
  for (const value of [1, 2]) {
    const answer = fromBinary(SetOptionResponseSchema, await rawCall(service.grpcAddress, path, request(seed.userIds[0] ?? 0n, value)));
    assert.equal(answer.changed, true);
    assert.deepEqual(answer.option?.value?.kind, { case: "numberValue", value });
  }
  const bodies = seed.userIds.map((userId) => stampedBody(request(userId, stampedNumber)));
  const target = { address: service.grpcAddress, path, ...writeShape, bodies };
  return {
    target,
    side: userdSide(service, (options) => varying.run(target, options), path),
    load: `${writersInFlight} writes in flight by ${varying.name}`,
  };
};

/** SetOption, against the same upsert on the same table through pg alone. */
export const setOption: Row = {
  name: "set_option",
  yardstick: "the same upsert, pg alone",
  valuesPerCall: 1,
  prepare: async (bench) => {
    const { service, seed, pins } = bench;
    const { side, load } = await prepareWrites(bench);
    const writer = {
      url: service.databaseUrl,
      statement: await setOptionStatement(key),
      users: seed.userIds.map(String),
      connections: writersInFlight,
    };
    return {
      userd: side,
      yardstick: (options) => runWriter(writer, pins, options),
      load: `${load}; pg: ${writersInFlight} connections`,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};

/** SetOption, against a service by hand: grpc-js, pg and a plain upsert of the same row, which has no version, change log or revision. */
export const setOptionByHand: Row = {
  name: "set_option_by_hand",
  yardstick: "a plain upsert by a service by hand",
  valuesPerCall: 1,
  prepare: async (bench) => {
    await using stack = new AsyncDisposableStack();
    const { side, target, load } = await prepareWrites(bench);
    const url = bench.service.databaseUrl;
    const byHand = stack.use(await startUpsertServer({ path, url, connections: writersInFlight }, bench.pins));
    const database = stack.use(await watchDatabase(url));
    const userd = database.watch(side);
    const yardstick = database.watch(watched(byHand.pid, (options) => bench.varying.run({ ...target, address: byHand.address }, options)));
    const running = stack.move();
    return {
      userd,
      yardstick,
      load,
      details: () => ({
        postgres_cpu_us: Math.round(database.perCall(userd)),
        postgres_cpu_us_by_hand: Math.round(database.perCall(yardstick)),
      }),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
};
