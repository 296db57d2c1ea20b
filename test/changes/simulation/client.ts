import { create } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { createProtocol } from "../../../clients/typescript/src/near-cache/protocol.ts";
import { createReader } from "../../../clients/typescript/src/near-cache/reader.ts";
import type { FeedMessage } from "../../../clients/typescript/src/near-cache/watch.ts";
import type { Owner } from "../../cache/simulation/scheduler.ts";
import type { Bug } from "./bugs.ts";
import { PositionLost, type Process } from "./process.ts";
import type { World } from "./world.ts";

const LONGEST_CALL_MS = 400;
const SILENCE_MS = 1_000;
const COMPARE_MS = 2_000;

/** The kinds of aggregates of the world. */
export const aggregateKinds = ["user", "organization"];

/** The bounds of the schedule: of the near cache, and of the service. */
export type Bounds = { readonly boundMs: number; readonly serverBoundMs: number };

/** Makes a client whose near cache is the real one: protocol and reader. Its driver does what watch.ts does, by the clock of the world. */
export const createClient = (
  world: World,
  bug: Bug | undefined,
  name: string,
  { boundMs, serverBoundMs }: Bounds,
  processes: () => readonly Process[],
) => {
  const { scheduler, random, sleep, flaws, note } = world;
  const owner: Owner = { pausedUntil: 0, dead: false };
  const base = random.below(1_000_000);
  const skew = (random.below(300) - 150) / 1_000_000;
  const clock = (): number => base + scheduler.now() * (1 + skew);
  const real = createProtocol({
    boundMs,
    serverBoundMs,
    longestCallMs: LONGEST_CALL_MS,
    maxBytes: 1_000_000,
    aggregateKinds: new Set(aggregateKinds),
    clock,
  });
  let believed = -Infinity;
  const protocol = bug?.nearCache?.(real, { databaseTime: () => (believed === -Infinity ? 0 : clock() + believed) }) ?? real;
  const reader = createReader(protocol, clock);
  const kinds = flaws.filterMissesKind === true ? aggregateKinds.slice(0, 1) : aggregateKinds;
  /** The own writes that were answered last, by the real times of their commit and of the answer. */
  const floors = new Map<string, { readonly committedAt: number; readonly answeredAt: number }>();
  let heardOf: string | undefined;
  let isLost = false;

  /** Any process but one that is down. */
  const some = (): Process | undefined => {
    const alive = processes().filter(({ owner: { dead } }) => !dead);
    return alive[random.below(alive.length)];
  };
  /** Calls a process; a call that takes too long fails. */
  const call = <T>(work: (process: Process) => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const process = some();
      scheduler.after(LONGEST_CALL_MS, () => reject(new Error("deadline")), owner);
      if (process !== undefined) void work(process).then(async (result) => sleep(owner).then(() => resolve(result)), reject);
    });

  const compare = async (): Promise<void> => {
    const sent = clock();
    const { time, epoch } = await call((process) => process.databaseTime());
    const answered = clock();
    believed = time - answered;
    world.say(() => `${name} compares clocks: ${answered - sent} ms`);
    protocol.calibrated(flaws.calibratesOnArrival === true ? answered : sent, answered, time, epoch);
  };

  /** One stream; its messages arrive in their order, each after a while. */
  const stream = async (process: Process): Promise<void> => {
    const position = isLost ? undefined : protocol.position();
    isLost = false;
    if (protocol.position() === undefined) protocol.restarted();
    await compare();
    await new Promise<void>((resolve, reject) => {
      let isOpen = true;
      let isFirst = true;
      let heardAt = scheduler.now();
      const end = (error?: unknown): void => {
        isOpen = false;
        if (error === undefined) resolve();
        else reject(error);
      };
      const hear = (message: FeedMessage): void => {
        if (!isOpen) return;
        heardAt = scheduler.now();
        world.say(
          () =>
            `${name} hears ${message.changes.map(({ aggregate, version }) => `${aggregate}@${version}`).join(" ")} ${JSON.stringify(message.bookmark ?? null)}`,
        );
        if (isFirst && position !== undefined) protocol.resumed();
        const resumedIn = position?.split(":")[0];
        if (isFirst && resumedIn !== undefined && message.bookmark?.epoch !== resumedIn)
          note("resumed", `${name} goes on in ${message.bookmark?.epoch} behind ${position}: what it misses nobody knows`);
        isFirst = false;
        protocol.changed(message.changes);
        if (message.bookmark !== undefined) {
          protocol.bookmarked(message.bookmark);
          heardOf = message.bookmark.configuration;
          last = message.bookmark;
        }
        if (protocol.needsTime()) compare().catch(() => {});
      };
      let last: FeedMessage["bookmark"];
      // Messages of a stream stay in their order, also those that have waited for the end of a pause.
      const inbox: FeedMessage[] = [];
      const deliver = (message: FeedMessage): boolean => {
        inbox.push(message);
        scheduler.after(
          random.chance(0.03) ? random.below(800) : random.below(4),
          () => {
            const first = inbox.shift();
            if (first !== undefined) hear(first);
          },
          owner,
        );
        return isOpen && !owner.dead;
      };
      const watchdog = (): void => {
        if (!isOpen) return;
        if (scheduler.now() - heardAt > SILENCE_MS) {
          end(new Error("silent"));
          return;
        }
        if (flaws.renewsOnSilence === true && last !== undefined && scheduler.now() - heardAt > 50)
          protocol.bookmarked({ ...last, time: clock() + believed });
        scheduler.after(50, watchdog, owner);
      };
      watchdog();
      if (random.chance(0.3)) scheduler.after(random.below(3_000), () => end(new Error("cut")), owner);
      process.watch(position, kinds, deliver).then(end, end);
    });
  };

  const live = async (until: number): Promise<void> => {
    while (scheduler.now() < until) {
      const process = some();
      try {
        if (process !== undefined) await stream(process);
      } catch (error) {
        if (error instanceof PositionLost && flaws.keepsOnRestart !== true) protocol.restarted();
        isLost = error instanceof PositionLost && flaws.keepsOnRestart === true;
      }
      await sleep(owner, 20 + random.below(100));
    }
  };
  const compareNowAndThen = (until: number): void => {
    if (scheduler.now() > until) return;
    compare().catch(() => {});
    scheduler.after(COMPARE_MS, () => compareNowAndThen(until), owner);
  };

  /** Checks an answer: each content was the latest within the bound before the read, and is not older than an own write. */
  const check = (aggregates: readonly string[], text: string, began: number, window: number, isHit: boolean): void => {
    const [configuration = "", ...contents] = text.split(",");
    for (const [index, aggregate] of aggregates.entries()) {
      const content = Number(contents[index]);
      // A few milliseconds: clocks drift, and times are rounded.
      if (!world.contentsWithin(aggregate, began - window - 3, scheduler.now()).has(content))
        note(
          "bound",
          `${name} was told ${aggregate}=${content}${isHit ? " from memory" : ""}, read at ${began}, which it was not since ${began - window}`,
        );
      const { committedAt: floor, answeredAt } = floors.get(aggregate) ?? { committedAt: -Infinity, answeredAt: -Infinity };
      if (answeredAt < began && floor >= world.cluster().startedAt && !world.contentsWithin(aggregate, floor, scheduler.now()).has(content))
        note("floor", `${name} was told ${aggregate}=${content}, read at ${began}, which is older than its own write of ${floor}`);
    }
    if (isHit && configuration !== heardOf)
      note("configuration", `${name} was told what ${configuration} says, and its stream says ${heardOf}`);
  };

  return {
    name,
    owner,
    start: (until: number): void => {
      void live(until);
      compareNowAndThen(until);
    },
    read: async (aggregates: readonly string[]): Promise<void> => {
      const key = aggregates.join(" ");
      const began = scheduler.now();
      world.counts.reads += 1;
      const kept = protocol.get<{ kind: { value: string } }>(key);
      if (kept !== undefined) {
        world.counts.hits += 1;
        check(aggregates, kept.kind.value, began, boundMs, true);
        return;
      }
      const least = Math.max(-Infinity, ...aggregates.map((aggregate) => floors.get(aggregate)?.committedAt ?? -Infinity));
      const ask = async (isStrong: boolean) => {
        const staleMs = isStrong ? 0 : random.below(serverBoundMs);
        const { contents, certificate } = await call((process) => {
          return process.answer(aggregates, staleMs, least).then((answered) => ({ ...answered, configuration: process.configuration }));
        });
        if (flaws.calibratesByAnswers === true) protocol.calibrated(clock(), clock(), certificate.time, certificate.epoch);
        world.say(
          () =>
            `${name} is told ${aggregates.map((one, index) => `${one}@${certificate.aggregates[index]?.version}=${contents[index]}`).join(" ")} as of ${certificate.time - world.cluster().offset}`,
        );
        const text = [certificate.configuration, ...contents].join(",");
        return { answer: create(ValueSchema, { kind: { case: "stringValue", value: text } }), certificate };
      };
      const answer = await reader.fetch(key, ValueSchema, ask);
      check(aggregates, String(answer.kind.value), began, Math.max(boundMs, serverBoundMs), false);
    },
    write: async (aggregates: readonly string[]): Promise<void> => {
      const committedAt = await call((process) => process.write(aggregates, random.below(20)));
      if (flaws.forgetsOwnWrites !== true) {
        protocol.wrote(aggregates);
        reader.detach();
      }
      for (const aggregate of aggregates) floors.set(aggregate, { committedAt, answeredAt: scheduler.now() });
    },
  };
};
