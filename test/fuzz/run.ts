import { connect } from "node:net";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { builtin } from "../../src/schema/kind-set.ts";
import { createRoutes } from "../../src/services/routes.ts";
import type { ListenAddress } from "../../src/settings.ts";
import { buildUser } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { type Input, randomInput, type Target, targets } from "./inputs.ts";
import { createRandom } from "./random.ts";
import { createSender, type Outcome, type Sender } from "./send.ts";

/** A service to be fuzzed. */
export type Fuzzed = { readonly grpcAddress: ListenAddress; readonly httpAddress: ListenAddress };

/** An answer, or none, that no input may cause. */
export type Violation = {
  readonly rpc: string;
  readonly target: Target;
  /** With the seed, RPC and target: all that makes the input again. */
  readonly index: number;
  readonly outcome: Outcome;
  readonly input: Input;
};

/** What a run found. */
export type FuzzReport = {
  readonly sent: number;
  readonly statuses: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
};

/** What to send. */
export type FuzzOptions = {
  /** For each RPC and protocol. */
  readonly inputs: number;
  /** For each RPC of kinds, which are many with one implementation; default: `inputs`. */
  readonly inputsOfKinds?: number;
  /** Texts of which one is in the name of each RPC to be fuzzed; none = every RPC. */
  readonly only?: readonly string[];
  readonly seed: string;
  readonly onRpc?: (rpc: string, target: string) => void;
};

const IN_FLIGHT = 32;
const MAX_VIOLATIONS = 20;

/** Every RPC that is served, read from the routes: a new one is fuzzed from its first day. */
const rpcs = createRoutes({ db: { kinds: builtin } } as never).flatMap(({ service }) =>
  service.methods.map((method) => ({
    name: `${service.typeName}/${method.name}`,
    method,
    targets: targets as readonly Target[],
    isOfKinds: builtin.services.includes(service),
  })),
);
const health = {
  name: `${Health.typeName}/Check`,
  method: Health.method.check,
  targets: targets.filter(({ port }) => port === "grpc") as readonly Target[],
  isOfKinds: false,
};

const isViolation = ({ status, fault }: Outcome, { mayBeInternal }: Input): boolean => {
  if (fault !== undefined) return true;
  if (status === "13") return !mayBeInternal;
  return status === "2" || status === "15" || /^HTTP 5/.test(status);
};

/** Bytes that are no HTTP at all: the connection may be closed, the process may not. */
const sendNoise = (address: ListenAddress, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(address.port, address.host, () => socket.end(bytes));
    socket.on("error", () => resolve()).on("close", () => resolve());
    setTimeout(() => socket.destroy(), 500).unref();
    socket.resume();
  });

/** A call that has to work, whatever was sent before. */
export const assertAnswers = async (service: Fuzzed): Promise<void> => {
  const { byKind, close } = createClients(service);
  try {
    for (const kind of ["grpc-js", "Connect JSON"] as const) {
      const { user } = await byKind[kind].users.createUser({ user: buildUser() });
      await byKind[kind].options.getOption({ userId: user?.id ?? 0n, key: "k" });
    }
  } finally {
    close();
  }
};

const fuzzRpc = async (
  sender: Sender,
  { name, method }: (typeof rpcs)[number],
  target: Target,
  { inputs, seed }: FuzzOptions,
  found: (outcome: Outcome, violation?: Violation) => boolean,
): Promise<void> => {
  let next = 0;
  let stopped = false;
  const worker = async () => {
    while (next < inputs && !stopped) {
      const index = next++;
      const input = randomInput(createRandom(seed, name, target.name, index), target, method);
      const outcome = await sender.send(target, `/${name}`, input);
      stopped = found(outcome, isViolation(outcome, input) ? { rpc: name, target, index, outcome, input } : undefined);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
};

/** Sends random inputs to every RPC on both ports, and noise to both sockets. */
export const fuzz = async (service: Fuzzed, options: FuzzOptions): Promise<FuzzReport> => {
  const sender = createSender(service);
  const statuses = new Map<string, number>();
  const violations: Violation[] = [];
  let sent = 0;
  const found = (outcome: Outcome, violation?: Violation): boolean => {
    sent += 1;
    statuses.set(outcome.status, (statuses.get(outcome.status) ?? 0) + 1);
    if (violation) violations.push(violation);
    return violations.length >= MAX_VIOLATIONS;
  };
  const { only = [] } = options;
  for (const rpc of [...rpcs, health].filter(({ name }) => only.length === 0 || only.some((text) => name.includes(text)))) {
    for (const target of rpc.targets) {
      options.onRpc?.(rpc.name, target.name);
      // The two versions of HTTP share the inputs of a protocol: a run takes as long as with one of them.
      const { inputs: all, inputsOfKinds = all } = options;
      const each = rpc.isOfKinds ? inputsOfKinds : all;
      const inputs = target.port === "http" ? Math.ceil(each / 2) : each;
      await fuzzRpc(sender, rpc, target, { ...options, inputs }, found);
    }
  }
  const random = createRandom(options.seed, "noise");
  for (let index = 0; index < Math.ceil(options.inputs / 10); index += 10) {
    const noise = Array.from({ length: 10 }, () => random.bytes(random.below(300)));
    await Promise.all(noise.map((bytes, at) => sendNoise(at % 2 === 0 ? service.grpcAddress : service.httpAddress, bytes)));
  }
  sender.close();
  return { sent, statuses, violations };
};

/** A violation, so that it can be sent again; what is wrong stands last, where the end of a log shows it. */
export const describeViolation = ({ rpc, target, index, outcome, input }: Violation, seed: string): string =>
  [
    `  headers ${JSON.stringify(input.headers)}`,
    `  body ${input.body.length > 2_000 ? `${input.body.subarray(0, 2_000).toString("base64")}… (${input.body.length} bytes)` : input.body.toString("base64")}`,
    `${rpc} over ${target.name}: ${outcome.fault ?? `status ${outcome.status}`} (seed ${seed}, input ${index})`,
  ].join("\n");

/**
 * The service gets little heap to be fuzzed in: on a large machine V8 collects late, and what is kept for ever would not
 * show. With this much of it, it ends the process. Its cache is small, too: a full one would leave so little of the heap that a long run is
 * spent in the collector.
 */
export const smallHeap = { NODE_OPTIONS: "--max-old-space-size=256", CACHE_MEMORY_MB: "16" };

/** Most resident memory of the fuzzed service: its heap, and as much again for code, buffers and connections. */
export const MAX_MEMORY_MB = 600;
