import { setTimeout as delay } from "node:timers/promises";
import { createUser, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { hasRedis } from "../../support/redis.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

/** How long after a write a read without its token is tried, in milliseconds. */
const SOON_MS = 50;

const numberOf = async ({ options }: Clients, userId: bigint, token?: string): Promise<number> => {
  const consistency = token === undefined ? {} : { mode: { case: "atLeastAsFresh" as const, value: token } };
  const { value } = await options.getOption({ userId, key: "k", consistency });
  return value?.kind.case === "numberValue" ? value.kind.value : 0;
};

/** A write through one service is read through another one at once. */
export const readYourWrites: Drill = {
  rows: [5],
  name: "read-your-writes",
  about:
    "write through one service, read with its token through another one that has the option cached, 100,000 times; counts reads of anything else than what was written",
  lacks: () => (hasRedis ? undefined : "redis-server"),
  run: async ({ fleet, of, random, stack }) => {
    const total = of(300, 100_000);
    const { members } = await fleet({ withRedis: true });
    const clients = connectClients(members, 3, stack);
    const complaints: string[] = [];
    let [begun, soon, fresh] = [0, 0, 0];
    const loop = async (): Promise<void> => {
      const [some] = clients;
      if (some === undefined) throw new Error("The fleet has no members.");
      const { id: userId } = await createUser(some);
      for (let round = 1; begun < total; round += 1) {
        begun += 1;
        const writer = random.below(3);
        const [here, there] = [clients[writer] ?? some, clients[(writer + 1 + random.below(2)) % 3] ?? some];
        const { consistencyToken } = await here.options.setOption({ userId, key: "k", value: value(round) });
        if (random.chance(0.95)) {
          const found = await numberOf(there, userId, consistencyToken);
          if (found !== round) complaints.push(`${round} was written, and ${found} read with its token`);
          continue;
        }
        // It has the option cached from an earlier round: only a notification tells it.
        soon += 1;
        await delay(SOON_MS);
        if ((await numberOf(there, userId)) === round) fresh += 1;
      }
    };
    await Promise.all(Array.from({ length: 16 }, loop));
    return {
      operations: total,
      faults: 0,
      figure: complaints.length,
      bound: 0,
      complaints,
      besides: { fresh_without_token_after_50_ms: Math.round((10_000 * fresh) / soon) / 100, of: soon },
    };
  },
};
