import { UserOptionService } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { createClients } from "../../support/clients.ts";
import { type Attack, defaultBounds, type Finding } from "../attack.ts";
import { callsOf, failuresOf, runLoad, type Seen, strong } from "../load.ts";
import { as } from "../target.ts";

/** What another caller saw of the attack, beside what it saw before. */
const comparison = (name: string, before: Seen, during: Seen): Finding[] => {
  process.stdout.write(
    `  ${name}: before p50 ${before.answered.p50.toFixed(1)} p99 ${before.answered.p99.toFixed(1)} ms; during p50 ${during.answered.p50.toFixed(1)} p99 ${during.answered.p99.toFixed(1)} ms, ${failuresOf(during)} of ${during.sent} failed\n`,
  );
  return [
    { name: `${name}_p99_ms`, value: during.answered.p99, bound: Math.max(defaultBounds.politeMs, 1.5 * before.answered.p99) },
    { name: `${name}_errors`, value: failuresOf(during), bound: 0 },
  ];
};

/** 700 calls at once, again and again, by one caller. */
export const greedy: Attack = {
  name: "greedy",
  about: "700 fully consistent reads at once by one caller, each again when it has ended or may come again",
  bounds: { memoryMb: 200, politeTimes: 1.5 },
  run: async (target, strength) => {
    const seconds = strength.of(4, 20);
    const { getOption } = UserOptionService.method;
    const request = { userId: target.userId, key: "timezone", consistency: strong };
    const neighbour = { ...callsOf(target, "polite", getOption, [request]), connections: 2, inFlight: 1, perSecond: 50 };
    const before = await runLoad({ ...neighbour, seconds });
    const [during, own] = await Promise.all([
      runLoad({ ...neighbour, seconds }),
      runLoad({ ...callsOf(target, "greedy", getOption, [request]), connections: 7, inFlight: 700, seconds }),
    ]);
    process.stdout.write(`  greedy: ${own.answered.calls} answered, ${own.refused.calls} refused, others ${JSON.stringify(own.others)}\n`);
    return comparison("strong_reads", before, during);
  },
};

/** 400 writes a second to one user. */
export const hotUser: Attack = {
  name: "hot-user",
  about: "400 SetOption a second to one user by one caller",
  bounds: { memoryMb: 200, politeTimes: 1.5 },
  run: async (target, strength) => {
    const seconds = strength.of(4, 20);
    const { getOption, setOption } = UserOptionService.method;
    const request = { userId: target.userId, key: "timezone", consistency: strong };
    const neighbour = { ...callsOf(target, "polite", getOption, [request]), connections: 2, inFlight: 1, perSecond: 50 };
    const before = await runLoad({ ...neighbour, seconds });
    const clients = createClients({ grpcAddress: target.address("grpc"), httpAddress: target.address("http") });
    const { user } = await clients.byKind["grpc-js"].users.createUser(
      { user: { email: `hot-${process.pid}@example.com` } },
      { headers: as("greedy") },
    );
    clients.close();
    const userId = user?.id ?? 0n;
    const values = Array.from({ length: 50 }, (_, index) => ({
      userId,
      key: "hot",
      value: { kind: { case: "stringValue", value: `${index}` } } as const,
    }));
    const [during, own] = await Promise.all([
      runLoad({ ...neighbour, seconds }),
      runLoad({ ...callsOf(target, "greedy", setOption, values), connections: 8, inFlight: 1, perSecond: 400, seconds }),
    ]);
    process.stdout.write(`  writes: ${own.answered.calls} answered, ${own.refused.calls} refused, others ${JSON.stringify(own.others)}\n`);
    return comparison("strong_reads", before, during);
  },
};
