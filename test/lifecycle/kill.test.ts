import { join } from "node:path";
import { describe, expect } from "vitest";
import { createUser, value } from "../support/build.ts";
import { type Clients, createClients } from "../support/clients.ts";
import { test } from "../support/database.ts";
import { type ServiceProcess, startService, temporaryFolder } from "../support/userd.ts";

const WRITES = 1_000;
const IN_FLIGHT = 8;
const KEYS = 40;

const clientsOf = (service: ServiceProcess) => {
  const { byKind, close } = createClients(service);
  return { ...byKind["grpc-js"], [Symbol.dispose]: close };
};

/** The last acknowledged value of each key, and what was sent after it without an answer. */
type Ledger = Map<string, { acknowledged: number; unanswered: Set<number> }>;

/** Writes until the service is gone; each key is written by one writer at a time, in ascending values. */
const writeUntilKilled = async ({ options }: Clients, userId: bigint, onAcknowledged: (count: number) => void): Promise<Ledger> => {
  const ledger: Ledger = new Map();
  let [next, acknowledged, gone] = [0, 0, false];
  const writer = async (index: number) => {
    while (next < WRITES && !gone) {
      const number = next++;
      const key = `k${index}.${number % (KEYS / IN_FLIGHT)}`;
      const entry = ledger.get(key) ?? { acknowledged: -1, unanswered: new Set() };
      ledger.set(key, entry.unanswered.add(number) && entry);
      try {
        await options.setOption({ userId, key, value: value(number) });
        ledger.set(key, { acknowledged: number, unanswered: new Set() });
        acknowledged += 1;
        onAcknowledged(acknowledged);
      } catch {
        gone = true;
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, (_, index) => writer(index)));
  expect(gone).toBe(true);
  return ledger;
};

const killAndRestart = async (settings: NodeJS.ProcessEnv): Promise<void> => {
  await using first = await startService(settings);
  using before = clientsOf(first);
  const { id: userId } = await createUser(before);
  const ledger = await writeUntilKilled(before, userId, (count) => {
    if (count === WRITES / 4) first.process.kill("SIGKILL");
  });
  expect(await first.ended).toMatchObject({ signal: "SIGKILL" });

  // At once: the operating system has released the folder, and PostgreSQL takes new connections.
  await using second = await startService(settings);
  using after = clientsOf(second);
  const { options } = await after.options.listOptions({ userId });
  const stored = new Map(options.map(({ key, value: { kind } = {} as never }) => [key, Number(kind?.value)]));
  const lost = [...ledger].filter(([key, { acknowledged, unanswered }]) => {
    const found = stored.get(key) ?? -1;
    return found !== acknowledged && !unanswered.has(found);
  });
  expect(lost).toEqual([]);
  expect(ledger.size).toBe(KEYS);
  expect(await after.options.setOption({ userId, key: "after", value: value(1) })).toMatchObject({ created: true });
};

describe("kill -9 in the middle of 1,000 SetOption calls loses no acknowledged value", () => {
  test("on PGlite", { timeout: 180_000 }, async () => {
    await using home = await temporaryFolder();
    await killAndRestart({ DATABASE_URL: `pglite:${join(home.path, "data")}` });
  });

  test("on PostgreSQL", { timeout: 180_000 }, async ({ databaseUrl }) => {
    await killAndRestart({ DATABASE_URL: databaseUrl });
  });
});
