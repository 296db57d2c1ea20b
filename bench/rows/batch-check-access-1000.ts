import assert from "node:assert/strict";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import type { Row } from "../bench.ts";
import { seedAccount } from "./access.ts";
import { prepareRead } from "./read.ts";

const members = 100;
const checks = 1_000;

/** BatchCheckAccess of 1,000 checks, of 100 users and as many owners. */
export const batchCheckAccess1000: Row = {
  name: "batch_check_access_1000",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: checks,
  prepare: async (bench) => {
    const userIds = bench.seed.userIds.slice(0, members);
    const { profileIds } = await seedAccount(bench.service.databaseUrl, userIds);
    const asked = Array.from({ length: checks }, (_, index) => ({
      userId: userIds[index % members] ?? 0n,
      target: { case: "ownerProfileId" as const, value: profileIds[Math.floor(index / 10)] ?? 0n },
    }));
    return prepareRead(bench, {
      method: ProfileService.method.batchCheckAccess,
      shape: { connections: 1, streams: 1 },
      requests: [{ checks: asked }],
      check: ({ results }) => {
        assert.equal(results.length, checks);
        const ofStaff = results.filter((_, index) => index % members === 0);
        assert(ofStaff.every(({ allowed }) => allowed));
        assert(results.some(({ allowed }) => !allowed));
      },
    });
  },
};
