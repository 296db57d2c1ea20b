import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetOptionRequestSchema, UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { settings } from "../../src/settings.ts";
import type { Row } from "../bench.ts";
import { residentMb } from "../child.ts";
import { frame } from "../load/load.ts";
import { readMetrics } from "../metrics.ts";
import { indexedKey } from "../service.ts";
import { millionIds, storeMillion } from "../store-million.ts";

const shape = { connections: 4, streams: 10 };

/** What the process may take besides the bound of the first level, in MB. */
const REST_MB = 150;
/** The bound as it is by default. */
const CACHE_MB = settings.shape.CACHE_MEMORY_MB.parse(undefined);
/** Reads after which the memory is looked at. */
const FIRST_LOOK = 100_000;
const CHUNK = 50_000;
/** The newest of those that were read, fewer than are held. */
const RE_READ = 25_000;
/** So many are read again together, three times within the staleness bound: from then on they are held with their messages. */
const TOGETHER = 2_500;

const method = UserOptionService.method.getOption;
const path = `/${method.parent.typeName}/${method.name}`;

const bodyOf = (userId: bigint): { readonly bytes: Uint8Array } => ({
  bytes: frame(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, { userId, key: indexedKey }))),
});

/** What userd takes after a million reads of a million users: the bound of the first level has to hold in truth. */
export const memory: Row = {
  name: "memory",
  yardstick: `${CACHE_MB} MB of cache and ${REST_MB} MB`,
  goal: { atMost: 1 },
  unit: "MB",
  skip: () => (residentMb(process.pid) === undefined ? "there is no /proc" : undefined),
  gauge: async ({ service, varying }, progress) => {
    await storeMillion(service.databaseUrl);
    await using userd = await service.startAnother({});
    const resident = () => residentMb(userd.pid) ?? { now: Number.NaN, peak: Number.NaN };
    const atStart = resident().now;
    let atFirstLook = Number.NaN;
    const read = async (userIds: readonly bigint[]): Promise<void> => {
      const bodies = userIds.map(bodyOf);
      const { calls } = await varying.sendAll({ address: userd.grpcAddress, path, ...shape, bodies });
      assert.equal(calls, bodies.length);
    };
    for (let first = 0; first < millionIds.length; first += CHUNK) {
      await read(millionIds.slice(first, first + CHUNK));
      if (first + CHUNK === FIRST_LOOK) atFirstLook = resident().now;
      progress(`${first + CHUNK} reads: ${Math.round(resident().now)} MB`);
    }
    const [{ now, peak }, metrics] = [resident(), await readMetrics(userd)];
    assert(metrics.answered(path) >= millionIds.length);
    for (let first = millionIds.length - RE_READ; first < millionIds.length; first += TOGETHER) {
      const some = millionIds.slice(first, first + TOGETHER);
      await read([...some, ...some, ...some]);
    }
    return {
      value: now,
      yardstick: CACHE_MB + REST_MB,
      details: {
        at_start_mb: atStart,
        grown_mb: now - atStart,
        after_100k_mb: atFirstLook,
        after_1m_mb: now,
        peak_mb: peak,
        after_rereads_mb: resident().now,
        entries: metrics.value("userd_cache_entries"),
        estimated_cache_mb: metrics.value("userd_cache_bytes") / 1_024 / 1_024,
      },
    };
  },
};
