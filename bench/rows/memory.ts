import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetOptionRequestSchema, UserOptionService } from "../../src/gen/users/v1/user_option_service_pb.ts";
import type { Row } from "../bench.ts";
import { residentMb } from "../child.ts";
import { frame } from "../load/load.ts";
import { readMetrics } from "../metrics.ts";
import { indexedKey } from "../service.ts";
import { millionIds, storeMillion } from "../store-million.ts";

const shape = { connections: 4, streams: 10 };

/** Of the first level, and what the process may take besides, in MB. */
const [CACHE_MB, REST_MB] = [64, 150];
/** Reads after which the memory is looked at. */
const FIRST_LOOK = 100_000;
const CHUNK = 50_000;

const method = UserOptionService.method.getOption;
const path = `/${method.parent.typeName}/${method.name}`;

const bodyOf = (userId: bigint): { readonly bytes: Uint8Array } => ({
  bytes: frame(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, { userId, key: indexedKey }))),
});

/** What userd takes after a million reads of a million users: the bound of the first level has to hold in truth. */
export const memory: Row = {
  name: "memory",
  yardstick: `CACHE_MEMORY_MB=${CACHE_MB} and ${REST_MB} MB`,
  goal: { atMost: 1 },
  unit: "MB",
  skip: () => (residentMb(process.pid) === undefined ? "there is no /proc" : undefined),
  gauge: async ({ service, varying }, progress) => {
    await storeMillion(service.databaseUrl);
    await using userd = await service.startAnother({ settings: { CACHE_MEMORY_MB: `${CACHE_MB}` } });
    const resident = () => residentMb(userd.pid) ?? { now: Number.NaN, peak: Number.NaN };
    const atStart = resident().now;
    let atFirstLook = Number.NaN;
    for (let read = 0; read < millionIds.length; read += CHUNK) {
      const bodies = millionIds.slice(read, read + CHUNK).map(bodyOf);
      const { calls } = await varying.sendAll({ address: userd.grpcAddress, path, ...shape, bodies });
      assert.equal(calls, bodies.length);
      if (read + CHUNK === FIRST_LOOK) atFirstLook = resident().now;
      progress(`${read + CHUNK} reads: ${Math.round(resident().now)} MB`);
    }
    const [{ now, peak }, metrics] = [resident(), await readMetrics(userd)];
    assert(metrics.answered(path) >= millionIds.length);
    return {
      value: now,
      yardstick: CACHE_MB + REST_MB,
      details: {
        at_start_mb: atStart,
        grown_mb: now - atStart,
        after_100k_mb: atFirstLook,
        after_1m_mb: now,
        peak_mb: peak,
        entries: metrics.value("userd_cache_entries"),
        estimated_cache_mb: metrics.value("userd_cache_bytes") / 1_024 / 1_024,
      },
    };
  },
};
