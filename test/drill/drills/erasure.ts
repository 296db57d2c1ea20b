import { createReadStream } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ENTRY_TTL_MS, EXPIRY_MS } from "../../../src/cache/open.ts";
import { unique, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import type { Member } from "../../support/fleet.ts";
import { hasRedis } from "../../support/redis.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

/** What a busy machine may add to the life of an entry and the sweep behind it, in milliseconds. */
const GRACE_MS = 5_000;

/** Options that no definition knows: any text is a value. */
const optionKeys = ["nickname", "motto"] as const;

/** Counts a text in a file, whatever its size. */
const countIn = async (path: string, marker: string): Promise<number> => {
  let [count, rest] = [0, ""];
  for await (const chunk of createReadStream(path, "latin1")) {
    const text = rest + String(chunk);
    count += text.split(marker).length - 1;
    // A marker may stand across the end; a whole one must not be counted twice.
    rest = text.slice(-(marker.length - 1));
  }
  return count;
};

/** Has a process write a snapshot of its heap, and counts a text in it. */
const countInHeap = async (member: Member, folder: string, marker: string): Promise<number> => {
  const before = new Set(await readdir(folder));
  member.service().process.kill("SIGUSR2");
  for (let waited = 0; waited < 60_000; waited += 200) {
    await delay(200);
    const name = (await readdir(folder)).find((file) => !before.has(file) && file.endsWith(".heapsnapshot"));
    if (name === undefined) continue;
    // The process does nothing else until it is written.
    await member.metrics();
    const path = join(folder, name);
    const count = await countIn(path, marker);
    await rm(path);
    return count;
  }
  throw new Error("A service wrote no snapshot of its heap.");
};

const personal = (marker: string) => ({ email: `${marker}@example.com`, username: `${marker}-name`, name: `Person ${marker}` });

/** Reads a user on each way that keeps something in memory. */
const readAll = async ({ users, options }: Clients, id: bigint, marker: string): Promise<void> => {
  await users.getUser({ id });
  const keys = [
    { key: { case: "email", value: `${marker}@example.com` } },
    { key: { case: "username", value: `${marker}-name` } },
  ] as const;
  await users.lookupUsers({ keys: [...keys] });
  await options.listOptions({ userId: id });
  for (const key of optionKeys) await options.getOption({ userId: id, key });
};

/** A user with markers is purged, and looked for in the shared cache and in the memory of each process. */
export const erasure: Drill = {
  rows: [10],
  name: "erasure",
  about:
    "users with markers in all personal fields are read on every process and purged; after the life of an entry, counts markers in the heaps of all processes and what the shared cache still has under their keys",
  lacks: () => (hasRedis ? undefined : "there is no redis-server on this machine"),
  run: async ({ fleet, of, stack }) => {
    const folder = await mkdtemp(join(tmpdir(), "userd-heaps-"));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const settings = { NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder}` };
    const { members, redis } = await fleet({ withRedis: true, size: of(1, 3), settings });
    if (redis === undefined) throw new Error("The fleet has a Redis.");
    const clients = connectClients(members, members.length, stack);
    const [first] = clients;
    const [member] = members;
    if (first === undefined || member === undefined) throw new Error("The fleet has no members.");
    const keysOf = async () => new Set((await redis.contents()).map(([key]) => key));
    const marker = unique("marker");
    const before = await keysOf();
    const ids: bigint[] = [];
    for (let index = 0; index < of(2, 20); index += 1) {
      const own = `${marker}${index}`;
      const { user } = await first.users.createUser({ user: personal(own) });
      if (user === undefined) throw new Error("CreateUser returned no user");
      ids.push(user.id);
      for (const key of optionKeys) await first.options.setOption({ userId: user.id, key, value: value(`${own} ${key}`) });
    }
    for (const one of clients) for (const [index, id] of ids.entries()) await readAll(one, id, `${marker}${index}`);
    await delay(500);
    const complaints: string[] = [];
    const cached = [...(await keysOf())].filter((key) => !before.has(key));
    // Else the counts below would show nothing.
    if (cached.length === 0) complaints.push("the shared cache had nothing of the users");
    const inHeapBefore = await countInHeap(member, folder, marker);
    if (inHeapBefore === 0) complaints.push("the snapshot of a heap had nothing of the users");
    const plain = (await redis.contents()).filter((entry) => entry.join(" ").includes(marker)).length;
    if (plain > 0) complaints.push(`${plain} entries of the shared cache can be read`);

    for (const id of ids) await first.users.purgeUser({ id });
    await delay(ENTRY_TTL_MS + EXPIRY_MS + GRACE_MS);
    const left = await keysOf();
    const keptKeys = cached.filter((key) => left.has(key));
    for (const key of keptKeys) complaints.push(`the shared cache still has ${key}`);
    const kept = keptKeys.length;
    let inHeaps = 0;
    for (const one of members) {
      const found = await countInHeap(one, folder, marker);
      if (found > 0) complaints.push(`the heap of a process has ${found} markers`);
      inHeaps += found;
    }
    const besides = { cached: cached.length, in_heap_before: inHeapBefore, in_heaps: inHeaps, kept_keys: kept };
    return { operations: ids.length, faults: ids.length, figure: inHeaps + kept, bound: 0, complaints, besides };
  },
};
