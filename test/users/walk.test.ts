import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { expect } from "vitest";
import { unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { test } from "../support/service.ts";

const USERS = 10_000;
type ListUsers = NonNullable<Parameters<Clients["users"]["listUserIds"]>[0]>;

/** The ids from a token on, up to an id that another walk begins with. */
const walk = async ({ users }: Clients, request: ListUsers, end?: bigint): Promise<bigint[]> => {
  const seen: bigint[] = [];
  for (let { pageToken = "" } = request; ; ) {
    const { ids, nextPageToken } = await users.listUserIds({ ...request, pageToken });
    if (end !== undefined && ids.includes(end)) return seen;
    seen.push(...ids);
    if (nextPageToken === "") return seen;
    pageToken = nextPageToken;
  }
};

/** A token goes on at any page size, so that walks of single users run side by side: one by one they would take minutes. */
const walkSingly = async (clients: Clients): Promise<bigint[]> => {
  const lanes: { pageToken: string; first: bigint }[] = [];
  for (let pageToken = ""; ; ) {
    const { ids, nextPageToken } = await clients.users.listUserIds({ pageSize: USERS / 16, pageToken });
    lanes.push({ pageToken, first: ids[0] ?? 0n });
    if (nextPageToken === "") break;
    pageToken = nextPageToken;
  }
  const walks = lanes.map(({ pageToken }, lane) => walk(clients, { pageSize: 1, pageToken }, lanes[lane + 1]?.first));
  return (await Promise.all(walks)).flat();
};

/** Creates and deletes users as long as the walks last. */
const churn = async ({ users }: Clients, signal: AbortSignal): Promise<number> => {
  let writes = 0;
  for (; !signal.aborted; writes += 2) {
    const { user } = await users.createUser({ user: { username: unique("churn") } });
    await users.deleteUser({ id: user?.id ?? 0n });
    await delay(10);
    if (writes % 8 === 0) await users.purgeUser({ id: user?.id ?? 0n });
  }
  return writes;
};

test("U18 10,000 users come once each at page sizes 1, 7, 50 and 1000, while others come and go", { timeout: 300_000 }, async ({
  clients,
  db,
}) => {
  const { rows } = await sql<{ id: bigint }>`insert into users (username, username_canonical)
    select 'walker-' || n, 'walker-' || n from generate_series(1, ${USERS}) n returning id`.execute(db.sql);
  const ids = rows.map(({ id }) => id);
  // As autovacuum would; plans for an empty table read all of it for every page.
  await sql`analyze`.execute(db.sql);
  const stop = new AbortController();
  const churned = Promise.all([churn(clients["grpc-js"], stop.signal), churn(clients["Connect gRPC"], stop.signal)]);

  const isWalker = new Set(ids);
  const client = clients["grpc-js"];
  const walks = [7, 50, 1_000].map((pageSize) => walk(client, { pageSize }));
  for (const seen of await Promise.all([...walks, walkSingly(client)])) {
    expect(new Set(seen).size, "each once").toBe(seen.length);
    expect(seen.filter((id) => isWalker.has(id))).toEqual(ids);
  }

  stop.abort();
  const writes = (await churned).reduce((sum, count) => sum + count);
  expect(writes).toBeGreaterThan(10);
});
