import assert from "node:assert/strict";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import type { Bench, Row } from "../bench.ts";
import { seededOptions } from "../seed.ts";
import { startBareHttp2Server } from "../yardsticks/bare.ts";
import { prepareRead, type Read, type Shape } from "./read.ts";

/** Enough to keep any server busy. */
const busyShape: Shape = { connections: 4, streams: 25 };

/** GetOption of an option that every user of the seed has stored. */
export const readOption = ({ seed }: Bench, shape: Shape = busyShape): Read<typeof UserOptionService.method.getOption> => ({
  method: UserOptionService.method.getOption,
  shape,
  requests: seed.userIds.map((userId) => ({ userId, key: "timezone" })),
  check: ({ found, option, value }) => {
    assert.equal(found, true);
    assert.equal(option?.userId, seed.userIds[0]);
    assert.deepEqual(value?.kind, { case: "stringValue", value: seededOptions.timezone });
  },
});

/** GetOption on a hit. h2load sends one body only, so there it is one user; our client takes all users in turn. */
export const getOption: Row = {
  name: "get_option",
  yardstick: "bare grpc-js, same bytes",
  goal: { atLeast: 0.8 },
  valuesPerCall: 1,
  prepare: (bench) => prepareRead(bench, readOption(bench)),
};

/** The same against the platform's HTTP/2 server alone. */
export const getOptionHttp2: Row = {
  name: "get_option_http2",
  yardstick: "bare node:http2, same bytes",
  goal: { atLeast: 0.42 },
  valuesPerCall: 1,
  prepare: (bench) => prepareRead(bench, readOption(bench), { startBare: startBareHttp2Server }),
};
