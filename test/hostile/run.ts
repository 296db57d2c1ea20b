import { setTimeout as delay } from "node:timers/promises";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { type Attack, defaultBounds, type Finding, type Strength, type Target } from "./attack.ts";
import { callsOf, runLoad } from "./load.ts";
import { type Seen, startPolite } from "./polite.ts";
import { as, type Databases, startTarget } from "./target.ts";

/** The figures of one phase of an attack. */
export type Phase = { readonly memoryMb: number; readonly handles: number; readonly polite: Seen };

/** What one attack did. */
export type Outcome = {
  readonly attack: Attack;
  readonly before: Phase;
  /** The highest of memory and open files. */
  readonly during: Phase;
  readonly after: Phase;
  readonly seconds: number;
  readonly findings: readonly Finding[];
  /** The errors that the service has logged. */
  readonly errors: readonly string[];
};

/** Tells whether a finding keeps its bound; what could not be measured does not. */
export const passes = ({ value, bound, atLeast }: Finding): boolean => (atLeast ? value >= bound : value <= bound);

const sampleMs = 20;

/** Follows the highest memory and number of open files of a process until it is stopped. */
const watchPeak = (now: () => { memoryMb: number; handles: number }) => {
  const peak = now();
  const timer = setInterval(() => {
    const { memoryMb, handles } = now();
    peak.memoryMb = Math.max(peak.memoryMb, memoryMb);
    peak.handles = Math.max(peak.handles, handles);
  }, sampleMs);
  return {
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
};

/**
 * Gives the service work as any has that is in use: what V8 takes once for young objects, up to 48 MB, and keeps until the process ends, is no growth by
 * an attack.
 */
const giveWork = (target: Target, seconds: number) => {
  const requests = [{ userId: target.userId, key: "timezone" }];
  return runLoad({ ...callsOf(target, "polite", UserOptionService.method.getOption, requests), connections: 10, inFlight: 50, seconds });
};

/** Runs one attack against a service of its own. */
export const runAttack = async (attack: Attack, database: Databases, strength: Strength): Promise<Outcome> => {
  await using target = await startTarget(attack, database);
  const now = () => {
    try {
      return { memoryMb: target.memoryMb(), handles: target.handles() };
    } catch {
      // The process has ended, which is told below.
      return { memoryMb: Number.NaN, handles: Number.NaN };
    }
  };
  const restMs = strength.of(1_000, 3_000);
  await using polite = startPolite(target, attack.settings?.["TOKEN_FILE"] === "" ? undefined : as("polite").authorization);
  // Neither counts what its first connections and the compiler take.
  await giveWork(target, strength.of(0.5, 3));
  await delay(restMs);
  await polite.phase();
  await delay(restMs);
  const before: Phase = { ...now(), polite: await polite.phase() };

  const peak = watchPeak(now);
  const started = performance.now();
  const own = await attack.run(target, strength, polite);
  const seconds = (performance.now() - started) / 1_000;
  const during: Phase = { ...peak.stop(), polite: await polite.phase() };
  await delay(restMs);
  const after: Phase = { ...now(), polite: await polite.phase() };

  const ended = target.ended();
  if (ended !== undefined) process.stderr.write(`${ended}\n`);
  const bounds = { ...defaultBounds, ...attack.bounds };
  const findings: Finding[] = [
    { name: "ended", value: ended === undefined ? 0 : 1, bound: 0 },
    { name: "memory_growth_mb", value: during.memoryMb - before.memoryMb, bound: bounds.memoryMb },
    { name: "polite_p99_ms", value: during.polite.p99, bound: Math.max(bounds.politeMs, bounds.politeTimes * before.polite.p99) },
    {
      name: "newcomer_p99_ms",
      value: during.polite.newcomerP99,
      bound: Math.max(bounds.newcomerMs, bounds.politeTimes * before.polite.newcomerP99),
    },
    { name: "polite_errors", value: during.polite.errors.length, bound: bounds.politeErrors },
    ...own,
  ];
  return { attack, before, during, after, seconds, findings, errors: target.errors() };
};
