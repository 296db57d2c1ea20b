import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds } from "../../../bench/child.ts";
import { hasH2load } from "../../../bench/load/h2load.ts";
import { startRefusingServer } from "../../../bench/yardsticks/bare.ts";
import { UserOptionService } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import type { Attack, Finding, Target } from "../attack.ts";
import { offerFarBeyond } from "../far-beyond.ts";
import { callsOf, failuresOf, type LoadJob, runLoad, strong } from "../load.ts";

/** Microseconds of CPU time that a process takes for each of the calls of `run`. */
const costOf = async (pid: number, run: () => Promise<number>): Promise<number> => {
  const before = cpuSeconds(pid) ?? 0;
  const calls = await run();
  return (((cpuSeconds(pid) ?? 0) - before) * 1e6) / calls;
};

/** What a refusal costs a bare grpc-js server that answers trailers-only, in microseconds. */
const bareRefusal = async (job: Omit<LoadJob, "seconds" | "inFlight" | "obeys">, seconds: number): Promise<number> => {
  const { path } = job;
  await using bare = await startRefusingServer(path, { code: 8, details: "The server is full.", trailers: {} }, { server: undefined });
  const load = { ...job, address: bare.address, seconds, inFlight: 100, obeys: false };
  return await costOf(bare.pid, async () => (await runLoad(load)).refused.calls);
};

/**
 * The share of what a server can do that is left at `k` times that, when a refusal costs the part `r` of an answer (reliability.md). Nothing is left
 * where a refusal costs as much as an answer.
 */
const physicalBound = (k: number, r: number): number => (r < 1 ? Math.max(0, (1 - k * r) / (1 - r)) : 0);

/** The shares of the capacity that are offered until all calls are answered. Half of it is what a quiet machine answers. */
const SHARES = [0.5, 0.35, 0.25, 0.15];
/** The deadline of the calls. */
const TIMEOUT_MS = 2_000;
/**
 * What answers may take in a short run whatever they took before, in milliseconds: the three seconds before say little of a machine that others use, too,
 * and a service that collapses answers near the deadline, if at all. The long run is held to what was before alone.
 */
const COLLAPSE_MS = TIMEOUT_MS / 4;
/** The times that a rate is offered afterwards, if need be. */
const TRIES = 3;

/** Returns the greatest share of the capacity that is answered as a whole before the overload; 0 = not even the least one is. */
const wholeShare = async (job: Omit<LoadJob, "seconds">, capacity: number): Promise<number> => {
  for (const share of SHARES) {
    await delay(1_000);
    const seen = await runLoad({ ...job, seconds: 2, perSecond: share * capacity });
    process.stdout.write(`  before: ${failuresOf(seen)} of ${seen.sent} at ${share} of the capacity failed\n`);
    if (failuresOf(seen) === 0) return share;
  }
  return 0;
};

/**
 * Counts the calls that fail afterwards at four fifths of a rate that was answered as a whole before, in the best of some tries: a machine that others
 * use, too, has another capacity from one second to the next. A service that is not back to normal fails each time.
 */
const refusedAfter = async (job: Omit<LoadJob, "seconds">, rate: number): Promise<number> => {
  let least = Infinity;
  for (let tried = 0; tried < TRIES && least > 0; tried += 1) {
    const seen = await runLoad({ ...job, seconds: 2, perSecond: 0.8 * rate });
    process.stdout.write(`  afterwards: ${failuresOf(seen)} of ${seen.sent} failed\n`);
    least = Math.min(least, failuresOf(seen));
    await delay(1_000);
  }
  return least;
};

/**
 * Offers five times the capacity. What the service has no room for waits in the clients, whose connections have no stream left. It has to spend what is
 * left beside the refusals on answers, to live, and to fail no call of others.
 */
const farBeyond = async (
  target: Target,
  job: Omit<LoadJob, "seconds">,
  { capacity, r, seconds }: { readonly capacity: number; readonly r: number; readonly seconds: number },
  polite: Parameters<Attack["run"]>[2],
): Promise<readonly Finding[]> => {
  const k = 5;
  const run = () => offerFarBeyond(target, job, { perSecond: k * capacity, looked: capacity, seconds });
  const { result, seen } = await polite.apart(run);
  const [taken, goodput] = [result.taken / capacity, result.answered / capacity];
  const bound = physicalBound(taken, r);
  const { answered, refused, others } = result.seen;
  process.stdout.write(
    `  ${k}C: taken ${taken.toFixed(1)}C with ${result.busy.toFixed(2)} cores, r ${r.toFixed(2)}, goodput ${goodput.toFixed(2)}C (bound ${bound.toFixed(2)}); a client of 1C: answered ${answered.calls} p99 ${answered.p99.toFixed(0)} ms, refused ${refused.calls} p50 ${refused.p50.toFixed(1)} ms, others ${JSON.stringify(others)}; polite: p50 ${seen.p50.toFixed(0)} ms, p99 ${seen.p99.toFixed(0)} ms, ${seen.errors.length} errors in ${seen.calls} calls\n`,
  );
  return [
    { name: `goodput_of_bound_${k}c`, value: goodput, bound: 0.9 * bound, atLeast: true },
    { name: `polite_errors_${k}c`, value: seen.errors.length, bound: 0 },
  ];
};

const attackWith: Attack["run"] = async (target, strength, polite) => {
  const seconds = strength.of(3, 20);
  const request = { userId: target.userId, key: "timezone", consistency: strong };
  const job = {
    ...callsOf(target, "greedy", UserOptionService.method.getOption, [request]),
    connections: 20,
    inFlight: 100,
    timeoutMs: TIMEOUT_MS,
  };
  await runLoad({ ...job, seconds: 1 });
  let capacity = 0;
  const answer = await costOf(target.pid, async () => {
    const { answered } = await runLoad({ ...job, seconds });
    capacity = answered.calls / seconds;
    return answered.calls;
  });
  const refusal = await bareRefusal(job, strength.of(2, 5));
  const r = refusal / answer;
  const share = await wholeShare(job, capacity);
  const below = await runLoad({ ...job, seconds, perSecond: 0.8 * capacity });

  const findings: Finding[] = [{ name: "answered_as_a_whole", value: share, bound: strength.of(0.15, 0.5), atLeast: true }];
  const k = 2;
  const offer = async () => {
    const loaded = runLoad({ ...job, seconds, perSecond: k * capacity });
    await delay(seconds * 1_000);
    const limit = /^userd_calls_limit (\d+)/m.exec(await (await fetch(`${target.url("http")}/metrics`)).text())?.[1];
    return { limit, seen: await loaded };
  };
  // Where a bare server could not even refuse all, everybody waits whatever the service does. It has to live, to fail no call of others, and to be back.
  const offerApart = async () => {
    const { result, seen } = await polite.apart(offer);
    const { p50, p99, calls, errors } = seen;
    process.stdout.write(
      `  ${k}C: more than a bare server could refuse; polite, whose waits are not held to it: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, ${errors.length} errors in ${calls} calls\n`,
    );
    findings.push({ name: `polite_errors_${k}c`, value: errors.length, bound: 0 });
    return result;
  };
  const { limit, seen } = await (physicalBound(k, r) > 0 ? offer() : offerApart());
  const offered = seen.sent / seconds / capacity;
  const bound = physicalBound(offered, r);
  const goodput = seen.answered.calls / seconds / capacity;
  process.stdout.write(
    `  ${k}C: capacity ${Math.round(capacity)}/s, offered ${offered.toFixed(1)}C, r ${r.toFixed(2)}, limit ${limit}, goodput ${goodput.toFixed(2)}C (bound ${bound.toFixed(2)}), answered p99 ${seen.answered.p99.toFixed(0)} ms (${below.answered.p99.toFixed(0)} at 0.8C), refused ${seen.refused.calls} p50 ${seen.refused.p50.toFixed(1)} ms, others ${JSON.stringify(seen.others)}\n`,
  );
  // The load comes from the same machine. If that has no more to give, what it sees is its own queue.
  if (offered < 0.8 * k) process.stdout.write(`  SKIPPED: this machine can't offer ${k} times the capacity\n`);
  else {
    findings.push({ name: `goodput_of_bound_${k}c`, value: goodput, bound: 0.9 * bound, atLeast: true });
    // Where refusals alone are more than a server can do, they queue whatever it does.
    if (bound > 0) {
      findings.push(
        { name: `answered_p99_ms_${k}c`, value: seen.answered.p99, bound: Math.max(3 * below.answered.p99, strength.of(COLLAPSE_MS, 0)) },
        { name: `refused_p50_ms_${k}c`, value: seen.refused.p50, bound: 10 },
      );
    }
  }
  await delay(1_000);
  if (hasH2load()) findings.push(...(await farBeyond(target, job, { capacity, r, seconds }, polite)));
  else process.stdout.write("  SKIPPED: without h2load this machine can't offer 5 times the capacity\n");
  // What was promised: normal five seconds after.
  await delay(4_000);
  findings.push({ name: "refused_after", value: await refusedAfter(job, share * capacity), bound: 0 });
  return findings;
};

/** Fully consistent reads, at twice and five times what the service can answer. */
export const overload: Attack = {
  name: "overload",
  about: "fully consistent reads at 2 and 5 times the capacity, by one caller",
  bounds: { memoryMb: 200 },
  run: attackWith,
};
