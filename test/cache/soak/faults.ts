import { setTimeout as delay } from "node:timers/promises";
import type { Fleet, Member } from "../../support/fleet.ts";

/** What is done to a fleet; resolves when it is over. */
type Fault = (fleet: Fleet, member: Member) => Promise<void>;

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;

/** Every fault by name. Those of Redis may never be noticed by anybody; the others may fail calls. */
const faults = {
  "redis: connections reset": async (_, { redis }) => redis?.reset(),
  "redis: delayed by 100 ms": async (_, { redis }) => {
    redis?.delay(100);
    await delay(1_000);
    redis?.delay(0);
  },
  "redis: bytes dropped for 1 s": async (_, { redis }) => {
    redis?.hang(true);
    await delay(1_000);
    redis?.hang(false);
    redis?.reset();
  },
  "redis: flushed": async ({ redis }) => redis?.flush(),
  "redis: stopped for 3 s (SIGSTOP)": async ({ redis }) => {
    redis?.hang(true);
    await delay(3_000);
    redis?.hang(false);
  },
  "database: connections reset": async (_, { database }) => database.reset(),
  "database: delayed by 50 ms": async (_, { database }) => {
    database.delay(50);
    await delay(1_000);
    database.delay(0);
  },
  "database: bytes dropped for 1 s": async (_, { database }) => {
    database.hang(true);
    await delay(1_000);
    database.hang(false);
    database.reset();
  },
  "process: killed (SIGKILL) and replaced": async (_, member) => member.replace(),
} satisfies Record<string, Fault>;

/** How long after a fault of the database or of a process calls may still fail, in milliseconds. */
const AFTERMATH_MS = 6_000;

/** Runs a fault every two seconds until `signal` aborts. */
export const runFaults = (fleet: Fleet, signal: AbortSignal, say: (line: string) => void) => {
  const executed = new Map<string, number>();
  let excusedUntil = 0;
  const running = new Set<Promise<void>>();
  const busy = new Set<Member>();
  const begin = (): void => {
    const name = pick(Object.keys(faults) as (keyof typeof faults)[]);
    const member = pick(fleet.members.filter((one) => !busy.has(one)));
    if (member === undefined) return;
    const isNoticed = !name.startsWith("redis");
    busy.add(member);
    say(`  ${name}`);
    const excuse = () => {
      if (isNoticed) excusedUntil = Math.max(excusedUntil, performance.now() + AFTERMATH_MS);
    };
    excuse();
    const done = faults[name](fleet, member).then(() => {
      executed.set(name, (executed.get(name) ?? 0) + 1);
      excuse();
      busy.delete(member);
      running.delete(done);
    });
    running.add(done);
  };
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      await delay(2_000, undefined, { signal }).catch(() => {});
      if (!signal.aborted) begin();
    }
    await Promise.all(running);
  };
  return {
    ended: loop(),
    executed: executed as ReadonlyMap<string, number>,
    /** Whether a call may fail now. */
    isExcused: () => [...busy].length > 0 || performance.now() < excusedUntil,
  };
};
