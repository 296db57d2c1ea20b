import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Random } from "../fuzz/random.ts";
import { createUsers, unique, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import type { Fleet } from "../support/fleet.ts";
import { createMoments, type Moments, machineTime } from "./moments.ts";

/** An option that one writer alone sets, to ascending numbers: what it has to be, at least, and what it may be. */
export type OptionLedger = {
  readonly userId: bigint;
  readonly key: string;
  acknowledged: number;
  begun: number;
  readonly moments: Moments;
};

/** What was written, and what became of it. */
export type Written = {
  /** Writes that were acknowledged, at the first attempt or a later one. */
  acknowledged: number;
  attempts: number;
  readonly options: readonly OptionLedger[];
  /** The names of accounts that were acknowledged, and of those for which there never was an answer. */
  readonly accounts: Set<string>;
  readonly unanswered: Set<string>;
  /** The request ids of all writes. */
  readonly requestIds: Set<string>;
  /** The request ids of the writes that were acknowledged. */
  readonly acknowledgedIds: Set<string>;
  /** What the attempts failed with, by code and reason. */
  readonly refused: Map<string, number>;
  /** Refusals that no client has to expect. */
  readonly complaints: string[];
};

/** Statuses after which a client sends the same request again, with the same request_id. */
const retried: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Unknown,
  Code.Canceled,
  Code.ResourceExhausted,
  Code.Aborted,
]);

/** How long a client keeps on trying one write, in milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * Starts writers that set options and create accounts through all members, and send what failed again under its request_id until there is an
 * answer; `pauseMs` says how long each waits after a write. `stop` resolves when the last write is answered.
 */
export const startWriters = async (fleet: Fleet, random: Random, count = 12, pauseMs: () => number = () => 0) => {
  const alive = (): readonly Clients[] => fleet.members.map((member) => member.clients()).filter((clients) => clients !== undefined);
  const [first] = alive();
  if (first === undefined) throw new Error("The fleet has not started.");
  const prefix = unique("written-");
  const users = await createUsers(first, count);
  const options = users.map(({ id }): OptionLedger => ({ userId: id, key: "n", acknowledged: 0, begun: 0, moments: createMoments() }));
  const written: Written = {
    acknowledged: 0,
    attempts: 0,
    options,
    accounts: new Set(),
    unanswered: new Set(),
    requestIds: new Set(),
    acknowledgedIds: new Set(),
    refused: new Map(),
    complaints: [],
  };
  let isStopped = false;

  /** Sends a write until it is answered; false when it never was. */
  const send = async (
    write: (clients: Clients, requestId: string, headers: Record<string, string>) => Promise<unknown>,
  ): Promise<boolean> => {
    const requestId = crypto.randomUUID();
    written.requestIds.add(requestId);
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until) {
      const clients = alive();
      const [some, ...others] = clients;
      if (some === undefined) {
        await delay(20);
        continue;
      }
      written.attempts += 1;
      try {
        await write(random.pick([some, ...others]), requestId, { "x-request-id": requestId });
        written.acknowledged += 1;
        written.acknowledgedIds.add(requestId);
        return true;
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        const name = `${Code[error.code]}`;
        written.refused.set(name, (written.refused.get(name) ?? 0) + 1);
        if (!retried.has(error.code)) {
          written.complaints.push(`a write was refused with ${error.message}`);
          return false;
        }
        await delay(20 + random.below(80));
      }
    }
    written.complaints.push("a write had no answer within a minute");
    return false;
  };

  const setNext = async (option: OptionLedger): Promise<void> => {
    option.begun += 1;
    const next = option.begun;
    const { userId, key, moments } = option;
    moments.begun[next - 1] = machineTime();
    const request = { userId, key, value: value(next) };
    if (await send((clients, requestId, headers) => clients.options.setOption({ ...request, requestId }, { headers }))) {
      option.acknowledged = next;
      moments.acknowledged[next - 1] = machineTime();
    }
  };
  const addAccount = async (index: number): Promise<void> => {
    const name = `${prefix}-${index}-${written.requestIds.size}`;
    written.unanswered.add(name);
    if (await send((clients, requestId, headers) => clients.profiles.createAccount({ account: { name }, requestId }, { headers }))) {
      written.unanswered.delete(name);
      written.accounts.add(name);
    }
  };
  const loop = async (option: OptionLedger, index: number): Promise<void> => {
    while (!isStopped) {
      if (random.chance(0.7)) await setNext(option);
      else await addAccount(index);
      const pause = pauseMs();
      if (pause > 0) await delay(pause);
    }
  };
  const running = Promise.all(options.map(loop));
  // What goes wrong is thrown by `stop`.
  running.catch(() => {});
  return {
    written: written as Readonly<Written>,
    prefix,
    stop: async (): Promise<Written> => {
      isStopped = true;
      await running;
      return written;
    },
  };
};
