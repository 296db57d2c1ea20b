import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { AccessRule } from "../../src/gen/userd/v1/access_pb.ts";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import type { Row } from "../bench.ts";
import { seedAccount } from "./access.ts";
import { prepareRead } from "./read.ts";

const members = 100;

/** Longer than the bound: the account is made behind the back of the service, which a row before may have had learn of these users. */
const forgottenMs = 3_000;

/** CheckAccess: a regular user reads what belongs to the admin of its account. */
export const checkAccess: Row = {
  name: "check_access",
  yardstick: "bare grpc-js, same bytes",
  goal: { atLeast: 0.75 },
  valuesPerCall: 1,
  prepare: async (bench) => {
    const userIds = bench.seed.userIds.slice(0, members);
    const { profileIds } = await seedAccount(bench.service.databaseUrl, userIds);
    await delay(forgottenMs);
    const target = { case: "ownerProfileId" as const, value: profileIds[0] ?? 0n };
    const requests = userIds.slice(1).map((userId) => ({ userId, target }));
    return prepareRead(bench, {
      method: ProfileService.method.checkAccess,
      shape: { connections: 4, streams: 25 },
      requests,
      check: ({ allowed, rule }) => assert.deepEqual([allowed, rule], [true, AccessRule.ACCOUNT_ADMIN]),
    });
  },
};
