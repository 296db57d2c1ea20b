import type { Bus } from "../../../src/cache/ports.ts";
import type { ReadConsistency } from "../../../src/cache/read-consistency.ts";
import type { Notification } from "../../../src/versions/notification.ts";
import { createRandom, type Random } from "../../fuzz/random.ts";
import type { Bug } from "./bugs.ts";
import { aggregateOf, type Content, FIRST_STRICT_PART, type Key, PARTS } from "./content.ts";
import { type Change, type Committed, createDatabase, epochName } from "./database.ts";
import { createDelays } from "./delays.ts";
import type { History, Read, Stored } from "./history.ts";
import { planSchedule } from "./plan.ts";
import { type Process, startProcess } from "./process.ts";
import { createScheduler } from "./scheduler.ts";
import { createSession, type Session } from "./session.ts";
import { createSharedStore } from "./store.ts";
import { describeRead } from "./trace.ts";

/** What one schedule has led to. */
export type Outcome = { readonly history: History; readonly writes: number; readonly failovers: number; readonly faults: number };

/** Between two reads of a quiet time, in milliseconds. */
const GAP_MS = 50_000;
/** Most that a caller waits before it gives up, in bounds. */
const PATIENCE = 1.5;

const asNotification = ({ epoch, aggregates }: Committed): Notification => ({
  epoch: epochName(epoch),
  aggregates: aggregates.map(({ aggregate, version }) => ({ ...aggregateOf(aggregate), version })),
});

/** A non-empty choice. */
const someOf = <T>(random: Random, of: readonly T[]): T[] => {
  const chosen = of.filter(() => random.chance(0.5));
  return chosen.length > 0 ? chosen : [of[random.below(of.length)] as T];
};

/** Runs the schedule of a seed to its end. */
export const runSchedule = async (seed: string, bug?: Bug, trace?: (line: string) => void): Promise<Outcome> => {
  const random = createRandom(seed);
  const plan = planSchedule(random);
  const { boundMs, durationMs } = plan;
  const scheduler = createScheduler(random);
  const delays = createDelays(random, boundMs);
  const flaws = bug?.flaws ?? {};
  const database = createDatabase({ scheduler, random, delays, flaws }, plan.aggregates);
  const stored: Stored[] = [];
  const store = createSharedStore({ scheduler, random, delays, boundMs }, plan.storeFaultRate, (key, value) =>
    stored.push({ key, value, at: scheduler.now() }),
  );
  const sessions: readonly [Session, ...Session[]] = [createSession(), createSession(), createSession()];
  const reads: Read[] = [];
  const failedWrites: unknown[] = [];
  const steps: { at: number; by: number }[] = [];
  const processes: Process[] = [];
  let writes = 0;
  let failovers = 0;
  let faults = 0;
  let started = 0;

  const note = (line: () => string): void => trace?.(`${String(scheduler.now()).padStart(7)} ${line()}`);
  const at = (task: () => void): void => void scheduler.after(random.below(durationMs), task);
  const times = (count: number, task: () => void): void => {
    for (let index = 0; index < count; index += 1) at(task);
  };

  const busOf = (index: number): Bus => ({
    publish: (notification) => {
      if (flaws.busThrows) throw new Error("not connected");
      for (const [other, { owner }] of processes.entries()) {
        if (other === index || random.chance(plan.lostNotifications)) continue;
        const deliver = () => processes[other]?.cache.notified(notification);
        for (let copy = random.chance(0.1) ? 2 : 1; copy > 0; copy -= 1) scheduler.after(delays.network(), deliver, owner);
      }
    },
  });
  const start = (index: number): void => {
    const environment = { scheduler, random, database, bug, boundMs };
    const ports = { store: plan.hasStore ? store.connect : undefined, bus: plan.hasBus ? busOf(index) : undefined };
    processes[index] = startProcess(environment, `p${index}.${started++}`, ports);
  };
  for (let index = 0; index < plan.processes; index += 1) start(index);
  const anyProcess = (): Process => processes[random.below(processes.length)] as Process;
  const anyAggregate = (): number => random.below(plan.aggregates);
  const anyKey = (): Key => ({ aggregate: anyAggregate(), part: random.below(PARTS.length) });

  const read = (process: Process, keys: readonly Key[], session: Session, isPlain: boolean): void => {
    const kind = isPlain ? 50 : random.below(100);
    const strong = kind < 8;
    const token = kind >= 8 && kind < 35 ? session.token() : undefined;
    const maxStaleMs = kind >= 80 ? random.pick([boundMs / 2, boundMs * 2, boundMs * 6]) : undefined;
    const reading: ReadConsistency = {
      strong: strong && !flaws.ignoresStrong,
      token,
      maxStaleMs: flaws.ignoresMaxStale && maxStaleMs !== undefined ? Infinity : maxStaleMs,
      ageMs: 0,
      stale: false,
    };
    const controller = new AbortController();
    const begin = scheduler.now();
    const { acknowledged, answered } = session;
    const asked = {
      process,
      keys,
      strong,
      tokenEpoch: token?.epoch,
      acknowledged: token === undefined ? new Map<number, never>() : acknowledged(),
      answered: token === undefined ? new Map<number, never>() : answered(),
      written: new Map(process.written),
      maxStaleMs,
      begin,
    };
    const end = (outcome: { answer: readonly Content[] } | { error: unknown }): void => {
      const stale = reading.stale && !flaws.hidesStale;
      const done: Read = { ...asked, ...outcome, end: scheduler.now(), cancelled: controller.signal.aborted, stale, ageMs: reading.ageMs };
      reads.push(done);
      note(() => describeRead(done));
      if (!("answer" in outcome)) return;
      if (token !== undefined) for (const answer of outcome.answer) session.read(answer);
      const [first] = outcome.answer;
      if (flaws.altersAnswers && first !== undefined && random.chance(0.2)) first.inner.serial = -1;
    };
    if (random.chance(0.06)) scheduler.after(random.chance(0.5) ? 0 : delays.network(), () => controller.abort(), process.owner);
    else if (random.chance(0.3)) scheduler.after(boundMs * PATIENCE, () => controller.abort(), process.owner);
    const call = { signal: controller.signal };
    const lookup = process.lookupOf(keys[0]?.part ?? 0);
    try {
      const answer = keys.length === 1 && keys[0] !== undefined ? lookup.get(call, keys[0], reading) : lookup.getAll(call, keys, reading);
      const asList = (content: Content | readonly Content[]) => ({ answer: Array.isArray(content) ? content : [content as Content] });
      if (answer instanceof Promise)
        answer.then(
          (content) => end(asList(content)),
          (error: unknown) => end({ error }),
        );
      else end(asList(answer));
    } catch (error) {
      end({ error });
    }
  };

  const readSoon = (process: Process, aggregate?: number, isPlain = false): void => {
    const key = aggregate === undefined ? anyKey() : { aggregate, part: isPlain ? 0 : random.below(PARTS.length) };
    const isStrict = key.part >= FIRST_STRICT_PART;
    const keys = [key];
    // Some ask for several, and some twice for the same.
    while (!isPlain && random.chance(0.25)) {
      const { aggregate, part } = anyKey();
      keys.push({ aggregate, part: isStrict ? key.part : part % FIRST_STRICT_PART });
    }
    scheduler.after(0, () => read(process, keys, random.pick(sessions), isPlain), process.owner);
  };

  const write = (process: Process): void => {
    const session = random.pick(sessions);
    const isWide = random.chance(0.2);
    const aggregates = random.chance(0.7) ? [anyAggregate()] : Array.from({ length: plan.aggregates }, (_, aggregate) => aggregate);
    const changes: Change[] = aggregates.map((aggregate) => ({ aggregate, parts: someOf(random, [...PARTS.keys()]) }));
    const dies = random.chance(0.1);
    const acknowledge = (committed: Committed): void => {
      writes += 1;
      note(() => {
        const versions = committed.aggregates.map(({ aggregate, version }) => `${aggregate} v${version}`).join(", ");
        return `${process.name} wrote ${versions} in epoch ${committed.epoch + 1}${dies ? " and tells nobody" : ""}`;
      });
      // As if it had crashed between the commit and what follows.
      if (dies) return;
      try {
        process.cache.committed(asNotification(committed));
      } catch (error) {
        failedWrites.push(error);
      }
      session.wrote(committed, isWide && steps.length === 0);
      for (const { aggregate, version } of committed.aggregates) {
        const held = process.written.get(aggregate);
        if (held === undefined || held.epoch < committed.epoch || (held.epoch === committed.epoch && held.version < version)) {
          process.written.set(aggregate, { epoch: committed.epoch, version });
        }
        // What has just been written is what is read, by its writer too.
        if (random.chance(0.6)) readSoon(process, aggregate);
        for (let more = random.below(4); more > 0; more -= 1) {
          scheduler.after(random.below(boundMs * 1.5), () => readSoon(anyProcess(), aggregate));
        }
      }
    };
    scheduler.after(0, () => database.commit(process.owner, changes).then(acknowledge, () => {}), process.owner);
  };

  times(plan.reads, () => readSoon(anyProcess()));
  times(plan.writes, () => write(anyProcess()));
  times(plan.failovers, () => {
    failovers += 1;
    const lost = random.below(4);
    database.failOver(lost);
    note(() => `failover that loses ${lost} commits`);
  });
  times(plan.outages, () => {
    faults += 1;
    const length = random.below(boundMs * 2);
    database.breakDown(length);
    note(() => `the database can't be reached for ${length} ms`);
  });
  times(plan.wipes, () => {
    faults += 1;
    store.wipe();
    note(() => "the shared store is wiped");
  });
  times(plan.pauses, () => {
    faults += 1;
    const process = anyProcess();
    const from = scheduler.now();
    const until = from + random.below(boundMs * 2);
    process.owner.pausedUntil = Math.max(process.owner.pausedUntil, until);
    process.pauses.push({ from, until });
    note(() => `${process.name} stands still until ${until}`);
  });
  times(plan.crashes, () => {
    faults += 1;
    const index = random.below(processes.length);
    const { owner, name } = processes[index] as Process;
    owner.dead = true;
    start(index);
    note(() => `${name} is killed`);
  });
  times(plan.steps, () => {
    faults += 1;
    const by = random.pick([1, -1]) * random.below(random.chance(0.5) ? 100 : 10_000);
    steps.push({ at: scheduler.now(), by });
    database.stepClock(by);
    note(() => `the clock of the database steps by ${by} ms`);
  });
  // The first process keeps the shared store warm, so that the second learns nothing of the database's clock for long.
  for (let gap = 1; gap <= plan.quietGaps; gap += 1) {
    const isLast = gap === plan.quietGaps;
    scheduler.after(durationMs + gap * GAP_MS, () => {
      const [first, second] = processes as [Process, Process];
      readSoon(first, 0, true);
      for (let later = 0.2; later < (isLast ? 2.5 : 0.3); later += 0.1) scheduler.after(later * boundMs, () => readSoon(second, 0, true));
      if (isLast) scheduler.after(boundMs * 0.4, () => write(first));
    });
  }

  await scheduler.run();
  return {
    history: { boundMs, truth: database.truth, reads, failedWrites, stored, steps },
    writes,
    failovers,
    faults: faults + store.faults(),
  };
};
