import { setTimeout as delay } from "node:timers/promises";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.ts";
import { createUser, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { startFleet } from "../../support/fleet.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";
import { startDurablePostgres } from "../own-postgres.ts";
import { percentile } from "../percentile.ts";

const BOUND_MS = 1_000;
const KEYS = 50;
/** The longest that a refusal may take beyond what an answer from memory takes, at the 99th percentile, in milliseconds. */
const REFUSED_MS = 100;

/** The database is away for a minute. */
export const outage: Drill = {
  rows: [21],
  name: "outage",
  about:
    "PostgreSQL is stopped for 60 s under reads with and without max_stale and writes; counts calls that were not answered, marked or refused as promised",
  run: async ({ of, stack, random }) => {
    const postgres = await startDurablePostgres(stack);
    const { members } = stack.use(await startFleet({ postgresUrl: postgres.url, settings: { CACHE_STALENESS_MS: String(BOUND_MS) } }));
    const clients = connectClients(members, 3, stack) as readonly [Clients, Clients, Clients];
    const { id: userId } = await createUser(clients[0]);
    const keys = Array.from({ length: KEYS }, (_, index) => `k${index}`);
    for (const key of keys) await clients[0].options.setOption({ userId, key, value: value(key) });
    for (const { options } of clients) await Promise.all(keys.map((key) => options.getOption({ userId, key })));
    await postgres.crash();
    const since = performance.now();
    const until = since + of(4_000, 60_000);
    const complaints: string[] = [];
    const refusals: number[] = [];
    /** What an answer from memory takes at the same time: the machine's own part. */
    const cached: number[] = [];
    let [operations, stale] = [0, 0];

    const expectRefusal = async (what: string, began: number, answer: Promise<unknown>): Promise<void> => {
      try {
        await answer;
        complaints.push(`${what} was answered without a database`);
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        refusals.push(performance.now() - began);
        if (error.code !== Code.Unavailable) complaints.push(`${what} failed with ${error.message}`);
        else if (error.findDetails(RetryInfoSchema).length === 0) complaints.push(`${what} was not told when to come again`);
      }
    };
    const loop = async ({ options }: Clients): Promise<void> => {
      while (performance.now() < until) {
        const key = random.pick(keys as [string, ...string[]]);
        const began = performance.now();
        operations += 1;
        const dice = random.below(3);
        if (dice === 0) {
          const answer = await options.getOption({ userId, key, consistency: { maxStale: durationFromMs(120_000) } }).catch(String);
          cached.push(performance.now() - began);
          if (typeof answer === "string") complaints.push(`a read that takes old answers failed with ${answer}`);
          else if (answer.value?.kind.value !== key) complaints.push(`a read that takes old answers found something else`);
          else if (answer.stale) stale += 1;
          else if (began - since > BOUND_MS + 100) complaints.push("an old answer is not marked");
        } else if (dice === 1) {
          await expectRefusal("a write", began, options.setOption({ userId, key, value: value(key) }));
        } else if (began - since > BOUND_MS + 100) {
          await expectRefusal("a read", began, options.getOption({ userId, key }));
        }
        await delay(5);
      }
    };
    await Promise.all(clients.flatMap((one) => Array.from({ length: 4 }, () => loop(one))));
    await postgres.start();
    const back = performance.now();
    const recoveries = await Promise.all(
      clients.map(async ({ options }) => {
        for (;;) {
          const isBack = await options.setOption({ userId, key: "back", value: value(1) }).then(
            () => true,
            () => false,
          );
          if (isBack) return performance.now() - back;
          await delay(10);
        }
      }),
    );
    const slowest = Math.max(...recoveries);
    if (slowest > 2_000) complaints.push(`writes came back ${Math.round(slowest)} ms after the database`);
    for (const { service } of members) if (service().process.exitCode !== null) complaints.push("a service has ended");
    const [refusal, floor] = [percentile(refusals, 0.99), percentile(cached, 0.99)];
    if (refusal > REFUSED_MS + floor)
      complaints.push(`refusals took ${Math.round(refusal)} ms, and answers from memory ${Math.round(floor)} ms`);
    const besides = {
      stale,
      refused: refusals.length,
      refusal_p99_ms: refusal,
      cached_p99_ms: floor,
      recovery_ms: Math.round(slowest),
    };
    return { operations, faults: 1, figure: complaints.length, bound: 0, complaints, besides };
  },
};
