import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { UserOptionService } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../../src/gen/userd/v1/user_service_pb.ts";
import type { Attack } from "../attack.ts";
import { callsOf, failuresOf, runLoad, strong } from "../load.ts";

/** A table that somebody else has locked, while callers need it and others. */
export const lockedTable: Attack = {
  name: "locked-table",
  about: "LOCK TABLE user_option by somebody, while one caller reads and writes options and another one reads users",
  // What is cached stays good for as long as the table is locked.
  settings: { CACHE_STALENESS_MS: "30000" },
  bounds: { memoryMb: 200 },
  run: async (target, strength) => {
    const seconds = strength.of(4, 20);
    const locker = new pg.Client(target.databaseUrl);
    await locker.connect();
    await locker.query("begin; lock table user_option in access exclusive mode");
    let [asked, unready] = [0, 0];
    const end = performance.now() + seconds * 1_000;
    const watch = (async () => {
      for (; performance.now() < end; asked += 1) {
        if ((await fetch(`${target.url("http")}/readyz`)).status !== 200) unready += 1;
        await delay(100);
      }
    })();
    const option = { userId: target.userId, key: "other", consistency: strong };
    const value = { kind: { case: "boolValue", value: true } } as const;
    const rest = { connections: 2, inFlight: 1, seconds };
    try {
      const [users, reads, writes] = await Promise.all([
        runLoad({
          ...callsOf(target, "polite", UserService.method.getUser, [{ id: target.userId, consistency: strong }]),
          ...rest,
          perSecond: 50,
        }),
        runLoad({ ...callsOf(target, "greedy", UserOptionService.method.listOptions, [option]), ...rest, perSecond: 100 }),
        runLoad({
          ...callsOf(target, "greedy", UserOptionService.method.setOption, [{ userId: target.userId, key: "other", value }]),
          ...rest,
          perSecond: 50,
        }),
      ]);
      await watch;
      process.stdout.write(
        `  users: ${users.answered.calls} answered, p99 ${users.answered.p99.toFixed(0)} ms, ${failuresOf(users)} failed; options: ${failuresOf(reads) + failuresOf(writes)} failed ${JSON.stringify({ ...reads.others, ...writes.others })}\n`,
      );
      return [
        { name: "reads_of_users_failed", value: failuresOf(users), bound: 0 },
        { name: "reads_of_users_p99_ms", value: users.answered.p99, bound: 500 },
        { name: "not_ready", value: unready, bound: 0 },
        { name: "asked_for_readiness", value: asked, bound: 5, atLeast: true },
      ];
    } finally {
      await locker.query("rollback");
      await locker.end();
    }
  },
};
