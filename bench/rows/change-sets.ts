import { create, toBinary } from "@bufbuild/protobuf";
import pg from "pg";
import { ApplyOptionChangesRequestSchema, UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { toValue } from "../../src/options/value.ts";
import type { Row } from "../bench.ts";
import { watchDatabase } from "../database-cpu.ts";
import { userdSide } from "./read.ts";
import { stampedBody, stampedNumber, writersInFlight, writeShape } from "./write.ts";

const method = UserOptionService.method.applyOptionChanges;
const path = `/${method.parent.typeName}/${method.name}`;

/** All values are others in each call of the load. */
const request = (userId: bigint, count: number): Uint8Array => {
  const changes = Array.from({ length: count }, (_, index) => ({
    change: { case: "set" as const, value: { key: `bench_set_${index}`, value: toValue(stampedNumber) } },
  }));
  return toBinary(ApplyOptionChangesRequestSchema, create(ApplyOptionChangesRequestSchema, { userId, changes }));
};

/** Stores the options that the calls change: what is new is stored by another statement, and a slow machine would measure little else. */
const storeFirst = async (url: string, userIds: readonly bigint[]): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(
      `insert into user_option (user_id, scope_kind, scope_id, key, value)
        select user_id, 0, 0, 'bench_set_' || n, '0' from unnest($1::bigint[]) user_id, generate_series(0, 9) n`,
      [userIds.map(String)],
    );
    await client.query("analyze");
  } finally {
    await client.end();
  }
};

/** ApplyOptionChanges of ten options that all change, against the same of one. */
export const applyOptionChanges: Row = {
  name: "apply_option_changes",
  yardstick: "a change set of one (userd too)",
  valuesPerCall: 1,
  prepare: async ({ service, seed, varying }) => {
    await using stack = new AsyncDisposableStack();
    await storeFirst(service.databaseUrl, seed.userIds);
    const database = stack.use(await watchDatabase(service.databaseUrl));
    const sideOf = (count: number) => {
      const bodies = seed.userIds.map((userId) => stampedBody(request(userId, count)));
      const target = { address: service.grpcAddress, path, ...writeShape, bodies };
      return database.watch(userdSide(service, (options) => varying.run(target, options), path));
    };
    const [ten, one] = [sideOf(10), sideOf(1)];
    const running = stack.move();
    return {
      userd: ten,
      yardstick: one,
      load: `${writersInFlight} writes in flight by ${varying.name}`,
      details: () => ({ postgres_cpu_us: Math.round(database.perCall(ten)), postgres_cpu_us_of_one: Math.round(database.perCall(one)) }),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
};
