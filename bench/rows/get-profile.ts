import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import type { Row } from "../bench.ts";
import { seedAccount } from "./access.ts";
import { prepareRead } from "./read.ts";

/** Longer than the bound: the account is made behind the back of the service, which a row before may have had learn of these users. */
const forgottenMs = 3_000;

/** GetProfile by id, on a hit. */
export const getProfile: Row = {
  name: "get_profile",
  yardstick: "bare grpc-js, same bytes",
  goal: { atLeast: 0.8 },
  valuesPerCall: 1,
  prepare: async (bench) => {
    const { profileIds } = await seedAccount(bench.service.databaseUrl, bench.seed.userIds.slice(0, 100));
    await delay(forgottenMs);
    return prepareRead(bench, {
      method: ProfileService.method.getProfile,
      shape: { connections: 4, streams: 25 },
      requests: profileIds.map((id) => ({ key: { case: "id" as const, value: id } })),
      check: ({ profile }) => assert.equal(profile?.id, profileIds[0]),
    });
  },
};
