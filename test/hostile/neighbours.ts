import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { defaultBounds, type Finding, type Strength, type Target } from "./attack.ts";
import type { BareServer } from "./bare.ts";
import { callsOf, failuresOf, type LoadJob, runLoad, type Seen, strong } from "./load.ts";
import { type TurnWait, turnWait } from "./work.ts";

/** The most times that the 99th percentile of others may be what it is without the attack. */
const TIMES = 1.5;
/** The wait for turns at nine of ten calls that a service may have whatever a bare server has, in milliseconds of CPU time. */
const FAIR_MS = 8;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The phases of a round, and what a neighbour sees in each. */
type Round = {
  /** The neighbour is alone. */
  readonly alone: Seen;
  /**
   * The attack's work is done beside the neighbour, but not in its way. This is a floor: on a machine on which the service, its database and
   * the clients share two cores, a neighbour waits for a core whatever the service does.
   */
  readonly beside: Seen;
  readonly attacked: Seen;
  /** The neighbour calls a bare grpc-js server, and so does the attack. This is a floor, too: a busy process waits for a core longer than an idle one. */
  readonly bare?: Seen;
};

/** The wait for turns of the service and of a bare server under the same attack. */
type Waits = { readonly service: TurnWait; readonly bare: TurnWait };

const told = (round: Round): string =>
  Object.entries(round)
    .map(([name, { answered }]) => `${name} p50 ${answered.p50.toFixed(1)} p99 ${answered.p99.toFixed(1)} ms`)
    .join(", ");

const toldWaits = (waits: Waits): string =>
  Object.entries(waits)
    .map(([name, { p50, p90, p99, p99WithoutCollections: without }]) => {
      const shares = `p50 ${p50.toFixed(1)} p90 ${p90.toFixed(1)} p99 ${p99.toFixed(1)} ms`;
      return `${name} ${shares}, ${without.toFixed(1)} without full collections`;
    })
    .join("; ");

/**
 * Holds the wait for turns to that of a bare server, which handles whatever has come in one turn. Full collections are in both, since each call
 * leaves the strings of its headers to them. Where nothing else takes time they are all of the last hundredth, and say nothing of the rest: so that
 * share is held to the bare server's without them, too.
 */
const judgeWaits = (waits: readonly Waits[]): readonly Finding[] => {
  const of = (side: keyof Waits, share: keyof TurnWait) => median(waits.map((one) => one[side][share]));
  return [
    { name: "turn_wait_p90_ms", value: of("service", "p90"), bound: Math.max(FAIR_MS, of("bare", "p90") / 2) },
    {
      name: "turn_wait_p99_without_collections_ms",
      value: of("service", "p99WithoutCollections"),
      bound: of("bare", "p99WithoutCollections"),
    },
    { name: "turn_wait_p99_ms", value: of("service", "p99"), bound: of("bare", "p99") },
  ];
};

/** The loads of a comparison; `bare` = a server that takes the attack in the place of the service, which has to record its work then. */
type Loads = { readonly beside: Omit<LoadJob, "seconds">; readonly attack: Omit<LoadJob, "seconds">; readonly bare?: BareServer };

/** Lets a neighbour read while it is alone, while the same load goes past it, and while it is attacked. */
export const compare = async (target: Target, { short, of }: Strength, { beside, attack, bare }: Loads): Promise<readonly Finding[]> => {
  const seconds = of(4, 8);
  const request = { userId: target.userId, key: "timezone", consistency: strong };
  const calls = callsOf(target, "polite", UserOptionService.method.getOption, [request]);
  const neighbour = { ...calls, connections: 2, inFlight: 1, perSecond: 50, seconds };
  const under = async (load: Omit<LoadJob, "seconds">, address = neighbour.address) => {
    const [seen, own] = await Promise.all([runLoad({ ...neighbour, address }), runLoad({ ...load, seconds })]);
    return { seen, own };
  };
  const rounds: Round[] = [];
  const waits: Waits[] = [];
  for (let round = 0; round < (short ? 1 : 3); round += 1) {
    const alone = await runLoad(neighbour);
    const past = await under(beside);
    if (bare !== undefined) await target.recorded();
    const { seen, own } = await under(attack);
    const seenSoFar: Round = { alone, beside: past.seen, attacked: seen };
    if (bare === undefined) rounds.push(seenSoFar);
    else {
      const service = turnWait(await target.recorded());
      await bare.recorded();
      const { address } = bare;
      rounds.push({ ...seenSoFar, bare: (await under({ ...attack, address }, address)).seen });
      waits.push({ service, bare: turnWait(await bare.recorded()) });
    }
    const { answered, refused, others } = own;
    process.stdout.write(
      `  ${told(rounds.at(-1) ?? seenSoFar)}; attack ${answered.calls} answered, ${refused.calls} refused, ${JSON.stringify(others)}; beside ${past.own.answered.calls} answered, ${past.own.refused.calls} refused\n`,
    );
  }
  for (const one of waits) process.stdout.write(`  wait for turns, in CPU time: ${toldWaits(one)}\n`);
  const p99 = (phase: keyof Round) => median(rounds.map((round) => round[phase]?.answered.p99 ?? 0));
  // In a short run the percentile is that of two calls.
  const least = short ? defaultBounds.politeMs : 0;
  const floor = Math.max(p99("alone"), p99("beside"), p99("bare"));
  return [
    { name: "neighbour_p99_ms", value: p99("attacked"), bound: Math.max(least, TIMES * floor) },
    { name: "neighbour_errors", value: rounds.reduce((sum, { attacked }) => sum + failuresOf(attacked), 0), bound: 0 },
    ...(waits.length > 0 ? judgeWaits(waits) : []),
  ];
};
