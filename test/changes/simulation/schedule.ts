import { createScheduler } from "../../cache/simulation/scheduler.ts";
import { createRandom } from "../../fuzz/random.ts";
import type { Bug } from "./bugs.ts";
import { createClient } from "./client.ts";
import { createProcess, type Process } from "./process.ts";
import { createWorld, type World } from "./world.ts";

const aggregates = ["organization/1", "user/1", "user/2"] as const;
const keys: readonly [readonly string[], ...(readonly string[])[]] = [
  ["user/1"],
  ["user/2"],
  ["user/1", "organization/1"],
  ["organization/1"],
];

/** What has to be true in the end: every row has a position, and positions follow versions. */
const checkFeed = (world: World): void => {
  const { durable } = world.cluster();
  const placed = new Map(durable.feed.map((row) => [row.id, row.position]));
  for (const { id, aggregate, version } of durable.log)
    if (!placed.has(id)) world.note("complete", `row ${id}, ${aggregate}@${version}, has no position`);
  const last = new Map<string, bigint>();
  for (const { aggregateKind, aggregateId, version, position } of durable.feed.toSorted((a, b) => (a.position < b.position ? -1 : 1))) {
    const aggregate = `${aggregateKind}/${aggregateId}`;
    if (version < (last.get(aggregate) ?? 0n)) world.note("in order", `${aggregate}@${version} is at ${position}, after a later version`);
    last.set(aggregate, version);
  }
};

/** Two transactions that change an aggregate give it two versions. */
const checkVersions = (world: World): void => {
  const seen = new Map<string, bigint>();
  for (const { rows, xid } of world.cluster().commits)
    for (const { aggregate, version } of rows) {
      const key = `${aggregate}@${version}`;
      const other = seen.get(key);
      if (other !== undefined && other !== xid) world.note("versions", `${key} was given by two transactions`);
      if (xid !== undefined) seen.set(key, xid);
    }
};

/** Runs one schedule, chosen by its seed. */
export const runSchedule = async (seed: string, bug?: Bug, trace?: (line: string) => void): Promise<World> => {
  const random = createRandom(seed);
  const scheduler = createScheduler(random);
  const world = createWorld(random, scheduler, bug?.flaws ?? {}, trace);
  const bounds = { boundMs: random.pick([200, 400, 800]), serverBoundMs: random.pick([100, 400]) };
  const durationMs = 3_000 + random.below(3_000);
  const limit = random.pick([2, 2, 1_000]);
  const processes: Process[] = [];
  let configuration = "c0";
  const start = (): void => void processes.push(createProcess(world, bug, `p${processes.length}`, configuration, limit));
  for (let count = 1 + random.below(3); count > 0; count -= 1) start();
  const clients = Array.from({ length: 1 + random.below(2) }, (_, index) =>
    createClient(world, bug, `client${index}`, bounds, () => processes),
  );
  const ignore = (): void => {};
  const alive = (): Process | undefined => {
    const all = processes.filter(({ owner }) => !owner.dead);
    return all[random.below(all.length)];
  };
  const somewhen = (task: () => void): void => void scheduler.after(random.below(durationMs), task);
  const times = (probability: number, most: number, task: () => void): void => {
    if (!random.chance(probability)) return;
    for (let count = 1 + random.below(most); count > 0; count -= 1) {
      somewhen(() => {
        world.counts.faults += 1;
        task();
      });
    }
  };
  const someAggregates = (): readonly string[] => {
    const chosen = aggregates.filter(() => random.chance(0.45));
    return chosen.length === 0 ? [random.pick(aggregates)] : chosen;
  };

  for (const client of clients) {
    client.start(durationMs);
    for (let count = 60 + random.below(60); count > 0; count -= 1) somewhen(() => void client.read(random.pick(keys)).catch(ignore));
    for (let count = random.below(4); count > 0; count -= 1) somewhen(() => void client.write([random.pick(aggregates)]).catch(ignore));
  }
  const longest = random.pick([10, 60, 600]);
  for (let count = 5 + random.below(25); count > 0; count -= 1)
    somewhen(() => void alive()?.write(someAggregates(), random.below(longest)).catch(ignore));
  times(0.3, 2, () => {
    world.counts.failovers += 1;
    if (world.cluster().isDown()) return;
    const outageMs = 20 + random.below(200);
    world.failover(random.chance(0.5), outageMs);
    // What was refused meanwhile comes again, at once.
    for (let count = random.below(5); count > 0; count -= 1)
      scheduler.after(outageMs + random.below(60), () => void alive()?.write(someAggregates(), random.below(120)).catch(ignore));
  });
  times(0.3, 2, () => {
    alive()?.crash();
    scheduler.after(random.below(200), start);
  });
  times(0.4, 3, () => {
    const one = random.chance(0.5) ? alive() : clients[random.below(clients.length)];
    if (one !== undefined) one.owner.pausedUntil = scheduler.now() + random.below(700);
  });
  times(0.2, 1, () => {
    configuration = "c1";
    for (const process of processes.filter(({ owner }) => !owner.dead)) {
      scheduler.after(random.below(500), () => {
        process.crash();
        start();
      });
    }
  });
  // In the end all is quiet, and a process is there that looks once more.
  scheduler.after(durationMs + 3_000, () => {
    if (alive() === undefined) start();
    for (const { owner, sequencer } of processes) if (!owner.dead) void sequencer.run().catch(ignore);
  });
  scheduler.after(durationMs + 12_000, () => {
    for (const { owner } of [...processes, ...clients]) owner.dead = true;
    checkFeed(world);
    checkVersions(world);
  });
  await scheduler.run();
  return world;
};
