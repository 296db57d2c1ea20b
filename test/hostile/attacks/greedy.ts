import { randomUUID } from "node:crypto";
import { UserOptionService } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { createClients } from "../../support/clients.ts";
import { type Attack, defaultBounds, type Finding, type Strength, type Target } from "../attack.ts";
import { callsOf, failuresOf, type LoadJob, runLoad, type Seen, strong } from "../load.ts";
import { as } from "../target.ts";

/** The most times that the 99th percentile of others may be what it is without the attack. */
const TIMES = 1.5;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The three phases of a round, and what a neighbour sees in each. */
type Round = {
  /** The neighbour is alone. */
  readonly alone: Seen;
  /**
   * The attack's work is done beside the neighbour, but not in its way. This is the floor: on a machine on which the service, its database and
   * the clients share two cores, a neighbour waits for a core whatever the service does.
   */
  readonly beside: Seen;
  readonly attacked: Seen;
};

/** Lets a neighbour read while it is alone, while the same load goes past it, and while it is attacked. */
const compare = async (
  target: Target,
  { short, of }: Strength,
  { beside, attack }: { readonly beside: Omit<LoadJob, "seconds">; readonly attack: Omit<LoadJob, "seconds"> },
): Promise<readonly Finding[]> => {
  const seconds = of(4, 8);
  const { getOption } = UserOptionService.method;
  const request = { userId: target.userId, key: "timezone", consistency: strong };
  const neighbour = { ...callsOf(target, "polite", getOption, [request]), connections: 2, inFlight: 1, perSecond: 50, seconds };
  const under = async (load: Omit<LoadJob, "seconds">) => {
    const [seen, own] = await Promise.all([runLoad(neighbour), runLoad({ ...load, seconds })]);
    return { seen, own };
  };
  const rounds: Round[] = [];
  for (let round = 0; round < (short ? 1 : 3); round += 1) {
    const alone = await runLoad(neighbour);
    const past = await under(beside);
    const { seen, own } = await under(attack);
    rounds.push({ alone, beside: past.seen, attacked: seen });
    const times = Object.entries({ alone, beside: past.seen, attacked: seen }).map(
      ([name, { answered }]) => `${name} p50 ${answered.p50.toFixed(1)} p99 ${answered.p99.toFixed(1)} ms`,
    );
    const { answered, refused, others } = own;
    process.stdout.write(
      `  ${times.join(", ")}; attack ${answered.calls} answered, ${refused.calls} refused, ${JSON.stringify(others)}; beside ${past.own.answered.calls} answered, ${past.own.refused.calls} refused\n`,
    );
  }
  const p99 = (phase: keyof Round) => median(rounds.map((round) => round[phase].answered.p99));
  // In a short run the percentile is that of two calls.
  const least = short ? defaultBounds.politeMs : 0;
  return [
    { name: "neighbour_p99_ms", value: p99("attacked"), bound: Math.max(least, TIMES * Math.max(p99("alone"), p99("beside"))) },
    { name: "neighbour_errors", value: rounds.reduce((sum, { attacked }) => sum + failuresOf(attacked), 0), bound: 0 },
  ];
};

/** 700 calls at once, again and again, by one caller. */
export const greedy: Attack = {
  name: "greedy",
  about:
    "700 fully consistent reads at once by one caller, each again when it has ended or may come again; beside = to a service of its own",
  bounds: { memoryMb: 200 },
  run: async (target, strength) => {
    await using other = await target.another();
    const request = { userId: target.userId, key: "timezone", consistency: strong };
    const load = (to: Target) => ({
      ...callsOf(to, "greedy", UserOptionService.method.getOption, [request]),
      connections: 7,
      inFlight: 700,
    });
    return await compare(target, strength, { beside: load(other), attack: load(target) });
  },
};

/** 400 writes a second to one user. */
export const hotUser: Attack = {
  name: "hot-user",
  about: "400 SetOption a second to one user by one caller; beside = to 100 users",
  bounds: { memoryMb: 200 },
  run: async (target, strength) => {
    const clients = createClients({ grpcAddress: target.address("grpc"), httpAddress: target.address("http") });
    const { users } = clients.byKind["grpc-js"];
    const ids: bigint[] = [];
    for (let index = 0; index < 100; index += 1) {
      const email = `hot-${randomUUID()}@example.com`;
      ids.push((await users.createUser({ user: { email } }, { headers: as("greedy") })).user?.id ?? 0n);
    }
    clients.close();
    const { setOption } = UserOptionService.method;
    const writes = (userIds: readonly bigint[]) => {
      const requests = userIds.map((userId, index) => ({
        userId,
        key: "hot",
        value: { kind: { case: "stringValue", value: `${index}` } } as const,
      }));
      return { ...callsOf(target, "greedy", setOption, requests), connections: 8, inFlight: 1, perSecond: 400 };
    };
    const [hot = 0n] = ids;
    return await compare(target, strength, { beside: writes(ids), attack: writes(ids.map(() => hot)) });
  },
};
