import { createLedger } from "../../cache/soak/ledger.ts";
import { createUser, value } from "../../support/build.ts";
import { hasRedis } from "../../support/redis.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

const BOUND_MS = 500;

const received = (page: string): number => Number(/^userd_cache_notifications_total (\d+)$/m.exec(page)?.[1]);

/** Nobody hears of anybody's writes; the bound holds all the same. */
export const lostNotifications: Drill = {
  rows: [6],
  name: "lost-notifications",
  about: "all notifications between three services are lost; counts reads of what was outdated for longer than the bound",
  lacks: () => (hasRedis ? undefined : "redis-server"),
  lastsForSomeTime: true,
  run: async ({ fleet, lasts, random, stack }) => {
    const { members, redis } = await fleet({ withRedis: true, settings: { CACHE_STALENESS_MS: String(BOUND_MS) } });
    const clients = connectClients(members, 3, stack);
    const [here, ...others] = clients;
    if (here === undefined) throw new Error("The fleet has no members.");
    await redis?.mute();
    const before = await Promise.all(members.map(async ({ metrics }) => received(await metrics())));
    const until = performance.now() + lasts(3_000, 30_000);
    const complaints: string[] = [];
    const ages: number[] = [];
    let operations = 0;
    const loop = async (): Promise<void> => {
      const { id: userId } = await createUser(here);
      const ledger = createLedger(BOUND_MS);
      let isOver = false;
      const write = async (): Promise<void> => {
        while (performance.now() < until) {
          const next = ledger.begin();
          const { consistencyToken } = await here.options.setOption({ userId, key: "k", value: value(next) });
          const at = performance.now();
          ledger.acknowledge(next, at, consistencyToken);
          // How long until another process shows it by itself.
          for (const there of others) {
            while ((await there.options.getOption({ userId, key: "k" })).value?.kind.value !== next);
          }
          ages.push(performance.now() - at);
          operations += 1;
        }
        isOver = true;
      };
      const read = async (): Promise<void> => {
        while (!isOver) {
          const began = performance.now();
          const { value: found } = await random.pick([here, ...others]).options.getOption({ userId, key: "k" });
          const complaint = ledger.judge({ kind: "default", began, value: found?.kind.case === "numberValue" ? found.kind.value : 0 });
          if (complaint !== undefined) complaints.push(complaint);
          operations += 1;
        }
      };
      await Promise.all([write(), read()]);
    };
    await Promise.all(Array.from({ length: 4 }, loop));
    const after = await Promise.all(members.map(async ({ metrics }) => received(await metrics())));
    if (after.some((count, index) => count !== before[index])) complaints.push("a notification has come through");
    const mean = ages.reduce((sum, age) => sum + age, 0) / ages.length;
    if (mean > BOUND_MS) complaints.push(`a write was seen after ${Math.round(mean)} ms on average, the bound is ${BOUND_MS} ms`);
    return { operations, faults: 1, figure: complaints.length, bound: 0, complaints, besides: { mean_ms: Math.round(mean) } };
  },
};
