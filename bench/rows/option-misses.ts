import { create, toBinary } from "@bufbuild/protobuf";
import { GetOptionRequestSchema, UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import type { Row } from "../bench.ts";
import { watchDatabase } from "../database-cpu.ts";
import { frame } from "../load/load.ts";
import { watched } from "../rounds.ts";
import { startSelectServer } from "../yardsticks/by-hand/upsert.ts";
import { readOption } from "./get-option.ts";
import { targetOf, userdSide } from "./read.ts";
import { writersInFlight, writeShape } from "./write.ts";

const method = UserOptionService.method.getOption;
const path = `/${method.parent.typeName}/${method.name}`;

/** GetOption that is fully consistent, so that no cache answers it, against a service by hand that selects the row for each call. */
export const consistentOption: Row = {
  name: "get_option_consistent",
  yardstick: "a select by a service by hand",
  valuesPerCall: 1,
  prepare: async (bench) => {
    const { service, seed, varying } = bench;
    await targetOf(service, readOption(bench));
    await using stack = new AsyncDisposableStack();
    const consistency = { mode: { case: "fullyConsistent" as const, value: true } };
    const bodies = seed.userIds.map((userId) => ({
      bytes: frame(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, { userId, key: "timezone", consistency }))),
    }));
    const target = { address: service.grpcAddress, path, ...writeShape, bodies };
    const url = service.databaseUrl;
    const byHand = stack.use(await startSelectServer({ path, url, connections: writersInFlight }, bench.pins));
    const database = stack.use(await watchDatabase(url));
    const userd = database.watch(userdSide(service, (options) => varying.run(target, options), path));
    const yardstick = database.watch(watched(byHand.pid, (options) => varying.run({ ...target, address: byHand.address }, options)));
    const running = stack.move();
    return {
      userd,
      yardstick,
      load: `${writersInFlight} reads in flight by ${varying.name}`,
      details: () => ({
        postgres_cpu_us: Math.round(database.perCall(userd)),
        postgres_cpu_us_by_hand: Math.round(database.perCall(yardstick)),
      }),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
};
