import { randomUUID } from "node:crypto";
import { UserOptionService } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { createClients } from "../../support/clients.ts";
import type { Attack, Target } from "../attack.ts";
import { startBare } from "../bare.ts";
import { callsOf, strong } from "../load.ts";
import { compare } from "../neighbours.ts";
import { as } from "../target.ts";

/** 700 calls at once, again and again, by one caller. */
export const greedy: Attack = {
  name: "greedy",
  about:
    "700 fully consistent reads at once by one caller, each again when it has ended or may come again; beside = to a service of its own, bare = to a bare grpc-js server",
  bounds: { memoryMb: 200 },
  recordsWork: true,
  run: async (target, strength) => {
    await using other = await target.another();
    const request = { userId: target.userId, key: "timezone", consistency: strong };
    const load = (to: Target) => ({
      ...callsOf(to, "greedy", UserOptionService.method.getOption, [request]),
      connections: 7,
      inFlight: 700,
    });
    const attack = load(target);
    await using bare = await startBare(attack.path);
    return await compare(target, strength, { beside: load(other), attack, bare });
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
