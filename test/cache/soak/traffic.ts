import { setTimeout as delay } from "node:timers/promises";
import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { createUser, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import type { Fleet } from "../../support/fleet.ts";
import { createLedger, type Kind, type Ledger } from "./ledger.ts";

/** One option that is written and read. */
type Option = {
  readonly userId: bigint;
  readonly key: string;
  readonly ledger: Ledger;
  busy: boolean;
  /** The process that acknowledged the last write. */
  writer?: Clients;
};

/** What the traffic came to. */
export type Tally = {
  operations: number;
  refused: Map<string, number>;
  violations: string[];
  /** Reads that were answered by another process than the one that the token is of. */
  tokenReads: number;
};

const USERS = 20;
const KEYS = 3;
const LOOPS = 32;
const MAX_STALE_MS = 10_000;

/** Statuses that a caller is told to expect while the database or the process is away. */
const excusable: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Unknown,
  Code.Canceled,
  Code.ResourceExhausted,
]);

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;

const read = async ({ options }: Clients, { userId, key, ledger }: Option, kind: Kind): Promise<string | undefined> => {
  const last = ledger.last();
  const token = kind === "token" && last !== undefined ? { mode: { case: "atLeastAsFresh" as const, value: last.token } } : undefined;
  const strong = kind === "strong" ? { mode: { case: "fullyConsistent" as const, value: true } } : undefined;
  const stale = kind === "stale" ? { maxStale: durationFromMs(MAX_STALE_MS) } : undefined;
  const began = performance.now();
  const answer = await options.getOption({ userId, key, consistency: { ...token, ...strong, ...stale } });
  const found = answer.value?.kind.case === "numberValue" ? answer.value.kind.value : 0;
  const ageMs = answer.stale && answer.age !== undefined ? durationMs(answer.age) : undefined;
  if (ageMs !== undefined && ageMs > MAX_STALE_MS) return `an answer is ${ageMs} ms old`;
  return ledger.judge({ kind, began, value: found, floor: token && last?.value, ageMs });
};

const write = async (clients: Clients, option: Option): Promise<void> => {
  const next = option.ledger.begin();
  const { consistencyToken } = await clients.options.setOption({ userId: option.userId, key: option.key, value: value(next) });
  option.ledger.acknowledge(next, performance.now(), consistencyToken);
  option.writer = clients;
};

/** Reads and writes through all members until `signal` aborts. */
export const runTraffic = async (fleet: Fleet, boundMs: number, isExcused: () => boolean, signal: AbortSignal): Promise<Tally> => {
  const tally: Tally = { operations: 0, refused: new Map(), violations: [], tokenReads: 0 };
  const [first] = fleet.members;
  const setUp = first?.clients();
  if (setUp === undefined) throw new Error("The fleet has not started.");
  const users = await Promise.all(Array.from({ length: USERS }, () => createUser(setUp)));
  const options: Option[] = users.flatMap(({ id }) =>
    Array.from({ length: KEYS }, (_, index) => ({ userId: id, key: `k${index}`, ledger: createLedger(boundMs), busy: false })),
  );

  const elsewhere = (writer: Clients | undefined): Clients | undefined =>
    pick(fleet.members.map((member) => member.clients()).filter((clients) => clients !== undefined && clients !== writer));

  const operate = async (clients: Clients, option: Option): Promise<void> => {
    const dice = Math.random();
    if (dice < 0.15 && !option.busy) {
      option.busy = true;
      await write(clients, option).finally(() => {
        option.busy = false;
      });
      return;
    }
    const kind: Kind = dice < 0.45 ? "token" : dice < 0.55 ? "strong" : dice < 0.65 ? "stale" : "default";
    const { writer } = option;
    // A token is worth most where nobody has told what it says.
    const reader = kind === "token" ? (elsewhere(writer) ?? clients) : clients;
    const fault = await read(reader, option, kind);
    if (kind === "token" && writer !== undefined && reader !== writer) tally.tokenReads += 1;
    if (fault !== undefined) tally.violations.push(`${kind} read of ${option.key} of user ${option.userId}: ${fault}`);
  };
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      const clients = pick(fleet.members).clients();
      if (clients === undefined) {
        await delay(5);
        continue;
      }
      const wasExcused = isExcused();
      try {
        await operate(clients, pick(options));
        tally.operations += 1;
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        const name = Code[error.code] ?? "?";
        tally.refused.set(name, (tally.refused.get(name) ?? 0) + 1);
        const isAllowed = excusable.has(error.code) && (wasExcused || isExcused());
        if (!isAllowed) tally.violations.push(`refused: ${name} ${error.rawMessage}`);
        await delay(5);
      }
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  return tally;
};
