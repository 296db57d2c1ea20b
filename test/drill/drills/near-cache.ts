import { setTimeout as delay } from "node:timers/promises";
import { lacksTools } from "../../foreign/tools.ts";
import { createUsers } from "../../support/build.ts";
import { hasRedis } from "../../support/redis.ts";
import { type Balancer, startBalancer } from "../balancer.ts";
import type { Drill } from "../drill.ts";
import { putUnderFaults } from "../faults.ts";
import { judgeReadings } from "../near-cache/judge-readings.ts";
import type { Order } from "../near-cache/readings.ts";
import { buildGoReader, startReader, typescriptReader } from "../near-cache/start-reader.ts";
import { startTransactions } from "../transactions.ts";
import { startWriters } from "../writers.ts";

/** The bound of near caches and services: half of the default, so that an entry that lives on without right is older sooner. */
const BOUND_MS = 1_000;
/** Each reader has to make so many reads in the long run. */
const LEAST_READS = 10_000_000;
const READS_PER_SECOND = 120_000;
/** The longest that bytes are held back on their way to readers, in milliseconds: beyond the silence after which a stream is taken for dead. */
const STALL_MS = 6_000;

const stall = async (balancer: Balancer, milliseconds: number): Promise<void> => {
  balancer.stall(true);
  await delay(milliseconds);
  balancer.stall(false);
};

/** Near caches in two languages keep the bound and the floors while services are killed and their streams are cut and held back. */
export const nearCache: Drill = {
  rows: [36],
  name: "near-cache",
  about:
    "a near cache in TypeScript and one in Go read what 8 writers write through three services, a third of them in transactions; services are killed and stopped, Redis too, and streams are cut and held back; counts values that were read after the bound, and reads below a floor",
  lacks: () => (hasRedis ? lacksTools("go", "buf", "protoc-gen-go", "protoc-gen-go-grpc") : "redis-server"),
  lastsForSomeTime: true,
  run: async ({ fleet, of, lasts, random, stack }) => {
    const programs = { typescript: typescriptReader, go: await buildGoReader(stack) };
    const running = await fleet({ withRedis: true, settings: { CACHE_STALENESS_MS: String(BOUND_MS) } });
    const [first] = running.members.map((member) => member.clients());
    if (first === undefined) throw new Error("The fleet has not started.");
    const users = (await createUsers(first, 24)).map(({ id }) => id);
    // Some wait for longer than the bound: an entry that nothing drops has to end by itself.
    const pauseMs = () => random.below(random.chance(0.2) ? 4 * BOUND_MS : 40);
    const writers = await startWriters(running, random, 5, pauseMs);
    const transactions = startTransactions(running.databaseUrl, users, random, { writers: 3, keys: 3, pauseMs });
    const options = [...writers.written.options, ...transactions.options];
    const slotOf = ({ userId, key }: { readonly userId: bigint; readonly key: string }) => ({ userId: String(userId), key });
    const readers = await Promise.all(
      Object.entries(programs).map(async ([name, program]) => {
        const balancer = stack.use(await startBalancer(running.members.map(({ addresses }) => addresses.grpcAddress)));
        const own = (await createUsers(first, 3)).map(({ id }) => slotOf({ userId: id, key: "own" }));
        const order: Order = {
          address: balancer.address,
          boundMs: BOUND_MS,
          readsPerSecond: READS_PER_SECOND,
          slots: options.map(slotOf),
          own,
        };
        return { name, balancer, reader: startReader(program, order, stack) };
      }),
    );
    await Promise.all(readers.map(({ reader }) => reader.isLive));
    const both = (work: (balancer: Balancer) => Promise<void> | void) => async () =>
      void (await Promise.all(readers.map(({ balancer }) => work(balancer))));
    const faults = await putUnderFaults(running, random, {
      forMs: lasts(8_000, 300_000),
      pauseMs: of(500, 2_500),
      hangMs: of(1_000, 2_500),
      ofClients: {
        stream_cuts: both(({ cut }) => cut()),
        stream_stalls: both((balancer) => stall(balancer, random.below(of(2_000, STALL_MS)))),
      },
    });
    const readings = await Promise.all(readers.map(async ({ name, reader }) => ({ name, ...(await reader.stop()) })));
    await transactions.stop();
    const written = await writers.stop();
    const complaints = [...written.complaints];
    const besides: Record<string, number> = {
      ...transactions.done,
      writes: written.acknowledged,
      ...faults,
    };
    let [reads, wrong] = [0, 0];
    for (const reading of readings) {
      const { name, belowFloor, hits, ownReads, ownWrites, wentBack, resumes, resets, failed } = reading;
      const verdict = judgeReadings(
        name,
        reading,
        options.map(({ moments }) => moments),
        BOUND_MS,
      );
      complaints.push(...verdict.complaints);
      if (belowFloor > 0) complaints.push(`${name} made ${belowFloor} reads below a floor`);
      if (verdict.outdated === 0) complaints.push(`${name} never read an outdated value, so that its bound was not tried`);
      if (reading.reads < of(1, LEAST_READS)) complaints.push(`${name} made ${reading.reads} reads only`);
      reads += reading.reads;
      wrong += verdict.complaints.length + belowFloor;
      const figures = { reads: reading.reads, hits, failed, outdated: verdict.outdated, oldest_ms: verdict.oldestMs };
      const others = { own_reads: ownReads, own_writes: ownWrites, went_back: wentBack, resumes, resets };
      for (const [figure, value] of Object.entries({ ...figures, ...others })) besides[`${name}_${figure}`] = value;
    }
    const sum = Object.values(faults).reduce((total, count) => total + count, 0);
    return { operations: reads, faults: sum, figure: wrong, bound: 0, complaints, besides };
  },
};
