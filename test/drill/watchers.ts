import { setTimeout as delay } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { ChangeFilterSchema } from "../../src/gen/userd/v1/change_pb.ts";
import type { Random } from "../fuzz/random.ts";
import type { Clients } from "../support/clients.ts";

/** A change as the database has it, for the judge. */
export type Told = {
  readonly id: bigint;
  readonly aggregate: string;
  readonly kind: string;
  readonly key: string;
  readonly operation: string;
};

/** A filter, and the same condition in words of the table, written apart from the service's own. */
export type Wish = { readonly filter: MessageInitShape<typeof ChangeFilterSchema>; readonly matches: (told: Told) => boolean };

/** A client of the feed that keeps its position now and then, and is killed now and then. */
export type Watching = {
  readonly wish: Wish;
  /** The ids in the change log of all that it was sent. */
  readonly received: ReadonlySet<bigint>;
  readonly complaints: readonly string[];
  readonly opened: () => number;
  /** Ends it in the midst of what it does: what it has not kept is forgotten. */
  readonly kill: () => void;
  /** Waits until it has received what it has to, a minute at most. */
  readonly reach: (isReached: (received: ReadonlySet<bigint>) => boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** The time for which a watcher may take to reach the end, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Starts a watcher behind a position, on whichever member is there. */
export const startWatching = (clients: () => readonly Clients[], wish: Wish, from: string, random: Random): Watching => {
  const received = new Set<bigint>();
  const complaints: string[] = [];
  let kept = from;
  let opened = 0;
  let isStopped = false;
  let killing = new AbortController();

  const follow = async (client: Clients, signal: AbortSignal): Promise<void> => {
    const versions = new Map<string, bigint>();
    const request = { filter: wish.filter, start: { case: "position" as const, value: kept }, bookmarkInterval: { nanos: 300_000_000 } };
    opened += 1;
    for await (const { changes, bookmark } of client.changes.watchChanges(request, { signal, timeoutMs: 600_000 })) {
      for (const { aggregate, version, auditEntryId } of changes) {
        const before = versions.get(aggregate) ?? 0n;
        if (version < before) complaints.push(`${aggregate} was at ${before} and then at ${version}`);
        versions.set(aggregate, version);
        if (auditEntryId > 0n) received.add(auditEntryId);
      }
      const last = bookmark?.position ?? changes.at(-1)?.position;
      if (last !== undefined && random.chance(0.3)) kept = last;
    }
  };

  const running = (async () => {
    while (!isStopped) {
      const there = clients();
      const [some, ...others] = there;
      if (some === undefined) {
        await delay(50);
        continue;
      }
      const { signal } = killing;
      try {
        await follow(random.pick([some, ...others]), signal);
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        if (/POSITION|TOKEN/.test(error.message)) complaints.push(`the position was refused: ${error.message}`);
      }
      await delay(20 + random.below(200));
    }
  })();
  running.catch((error: unknown) => complaints.push(String(error)));

  return {
    wish,
    received,
    complaints,
    opened: () => opened,
    kill: () => {
      killing.abort();
      killing = new AbortController();
    },
    reach: async (isReached) => {
      const until = performance.now() + PATIENCE_MS;
      while (!isReached(received) && performance.now() < until) await delay(50);
    },
    stop: async () => {
      isStopped = true;
      killing.abort();
      await running;
    },
  };
};
