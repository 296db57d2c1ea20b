import { setTimeout as delay } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { createUsers, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import type { Fleet } from "../support/fleet.ts";
import { connectClients } from "./connect.ts";
import { machineTime } from "./moments.ts";
import { percentile } from "./percentile.ts";

/** Writers of a fleet and one watcher, and when each change was acknowledged and delivered. */
export type Deliveries = {
  readonly clients: Clients;
  /** When each write was acknowledged, by its request id. */
  readonly acknowledged: Map<string, number>;
  /** Makes one write, and waits for its delivery. */
  readonly writeOne: () => Promise<void>;
  readonly pause: (on: boolean) => void;
  /** Returns the 99th percentile of deliveries of what was acknowledged since a time of the machine, in milliseconds. */
  readonly p99Since: (time: number) => number;
  /** Stops the writers, waits for what is on its way, and returns the request ids that were not delivered. */
  readonly stop: () => Promise<readonly string[]>;
};

const WRITERS = 4;
/** The wait after a write, so that processes have time to spare: what waits for a processor says nothing of the feed. */
const PAUSE_MS = 25;
const PATIENCE_MS = 30_000;

/** Starts them. */
export const startDeliveries = async (fleet: Fleet, stack: AsyncDisposableStack): Promise<Deliveries> => {
  const [clients, ...writing] = connectClients(fleet.members, WRITERS + 1, stack, { defaultTimeoutMs: 600_000 });
  if (clients === undefined) throw new Error("The fleet has no members.");
  const users = await createUsers(clients, WRITERS);
  const [acknowledged, delivered] = [new Map<string, number>(), new Map<string, number>()];
  const ending = new AbortController();
  const listening = (async () => {
    const request = { filter: { kinds: ["user_option"] }, bookmarkInterval: { nanos: 250_000_000 } };
    try {
      for await (const { changes } of clients.changes.watchChanges(request, { signal: ending.signal, timeoutMs: 600_000 })) {
        const now = machineTime();
        for (const { requestId } of changes) delivered.set(requestId, now);
      }
    } catch (error) {
      if (!(error instanceof ConnectError) || !ending.signal.aborted) throw error;
    }
  })();
  listening.catch(() => {});
  await delay(500);

  const write = async ({ options }: Clients, userId = 0n, next = 0): Promise<string> => {
    const requestId = crypto.randomUUID();
    await options.setOption({ userId, key: "n", value: value(next) }, { headers: { "x-request-id": requestId } });
    acknowledged.set(requestId, machineTime());
    return requestId;
  };
  let isStopped = false;
  let isPaused = false;
  let ones = 0;
  const writers = writing.map(async (one, index) => {
    for (let next = 1; !isStopped; next += 1) {
      while (isPaused && !isStopped) await delay(1);
      await write(one, users[index]?.id, next);
      await delay(PAUSE_MS);
    }
  });
  const missing = (): readonly string[] => [...acknowledged.keys()].filter((id) => !delivered.has(id));
  return {
    clients,
    acknowledged,
    writeOne: async () => {
      ones += 1;
      const id = await write(clients, users[0]?.id, -ones);
      while (!delivered.has(id)) await delay(1);
    },
    pause: (on) => {
      isPaused = on;
    },
    p99Since: (time) => {
      const latencies = [...acknowledged].flatMap(([id, at]) => {
        const then = delivered.get(id);
        return then === undefined || at < time ? [] : [Math.max(0, then - at)];
      });
      return percentile(latencies, 0.99);
    },
    stop: async () => {
      isStopped = true;
      await Promise.all(writers);
      const until = performance.now() + PATIENCE_MS;
      while (missing().length > 0 && performance.now() < until) await delay(20);
      ending.abort();
      await listening;
      return missing();
    },
  };
};
