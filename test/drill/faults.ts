import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../fuzz/random.ts";
import type { Fleet, Member } from "../support/fleet.ts";

/** A fault, which is over when the promise resolves. */
type Fault = () => Promise<unknown>;

/** The way to put services under faults. */
type FaultOptions = {
  readonly forMs: number;
  /** The longest wait before a fault, beside `LEAST_PAUSE_MS`. */
  readonly pauseMs: number;
  /** The longest that a process is stopped, or Redis is away, in milliseconds. */
  readonly hangMs: number;
  /** Faults of the clients. */
  readonly ofClients: Readonly<Record<string, Fault>>;
};

const LEAST_PAUSE_MS = 500;

const pickMember = ({ members }: Fleet, random: Random): Member => random.pick([...members] as [Member, ...Member[]]);

/** The process answers nobody for a while, with all connections open, and goes on as if no time had passed. */
const hang = async (member: Member, milliseconds: number): Promise<void> => {
  const { process } = member.service();
  process.kill("SIGSTOP");
  await delay(milliseconds);
  process.kill("SIGCONT");
};

/** Puts the services of a fleet, its Redis and clients under one fault after the other; returns how often each was. */
export const putUnderFaults = async (
  fleet: Fleet,
  random: Random,
  { forMs, pauseMs, hangMs, ofClients }: FaultOptions,
): Promise<Readonly<Record<string, number>>> => {
  const { redis } = fleet;
  const faults: Readonly<Record<string, Fault>> = {
    kills: () => pickMember(fleet, random).replace(),
    hangs: () => hang(pickMember(fleet, random), random.below(hangMs)),
    ...(redis !== undefined && {
      redis_flushes: () => redis.flush(),
      redis_stops: async () => {
        await redis.kill();
        await delay(random.below(hangMs));
        await redis.start();
      },
    }),
    ...ofClients,
  };
  const names = Object.keys(faults);
  const counts: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  const until = performance.now() + forMs;
  for (let begun = 0; performance.now() < until; begun += 1) {
    await delay(LEAST_PAUSE_MS + random.below(pauseMs));
    // Each once, as far as there is time, and then whatever comes.
    const name = names[begun < names.length ? begun : random.below(names.length)] ?? "";
    await faults[name]?.();
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};
