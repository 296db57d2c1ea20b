import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { ENTRY_TTL_MS, EXPIRY_MS } from "../../../src/cache/open.ts";
import type { ErasureReceipt } from "../../../src/gen/userd/v1/user_erasure_pb.ts";
import { createReceipts, verifiedStatement } from "../../../src/lifecycle/erasure/receipts.ts";
import type { Clients } from "../../support/clients.ts";
import { startFleet } from "../../support/fleet.ts";
import { startPostgres } from "../../support/postgres.ts";
import { hasRedis, startRedis } from "../../support/redis.ts";
import { SECRET_KEY } from "../../support/userd.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";
import { namedIn, unmarkedColumns } from "../forgotten/coverage.ts";
import { createMarker, isMarked, type Marker } from "../forgotten/marker.ts";
import { createPerson, releasePerson } from "../forgotten/person.ts";
import { createRelationNames, filesWith, knownWith, tablesWith } from "../forgotten/search.ts";

/** What a busy machine may add to the life of an entry and the sweep behind it, in milliseconds. */
const GRACE_MS = 5_000;

/** A call that waits for a busy machine. */
const patient = { timeoutMs: 60_000 };

const textOf = (message: unknown): string =>
  JSON.stringify(message, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item));

/** Collects what the feed tells, until it is told to stop. */
const watchFeed = ({ changes }: Clients, complain: (complaint: string) => void) => {
  const told: string[] = [];
  const watching = new AbortController();
  const watched = (async () => {
    for await (const message of changes.watchChanges({}, { signal: watching.signal })) told.push(textOf(message));
  })().catch((error: unknown) => {
    if (!watching.signal.aborted) complain(`the feed ended: ${String(error)}`);
  });
  return async (): Promise<readonly string[]> => {
    watching.abort();
    await watched;
    if (told.length === 0) complain("the feed told nothing");
    return told;
  };
};

/** Reads people on every process, on each way that keeps something in memory. */
const readPeople = async (clients: readonly Clients[], { word }: Marker, ids: readonly bigint[]): Promise<void> => {
  for (const one of clients) {
    for (const [index, id] of ids.entries()) {
      await one.users.getUser({ id });
      await one.users.lookupUsers({ keys: [{ key: { case: "email", value: `${word}${index}@example.com` } }] });
      await one.options.listOptions({ userId: id });
    }
  }
};

const mergeFirst = async ({ users }: Clients, [fromUserId = 0n, toUserId = 0n]: readonly bigint[]): Promise<void> => {
  const pair = { fromUserId, toUserId };
  const { plan } = await users.planUserMerge(pair, patient);
  await users.mergeUsers({ ...pair, planEtag: plan?.etag ?? "", requestId: randomUUID() }, patient);
};

const { publicKey, subjectOf } = createReceipts(Buffer.from(SECRET_KEY, "base64"), undefined);

/** Says what is wrong with the receipt of a person. */
const faultsOf = (receipt: ErasureReceipt | undefined, id: bigint, marker: Marker): readonly string[] => {
  const { statement = "", signature = new Uint8Array() } = receipt ?? {};
  const content = verifiedStatement({ statement, signature }, publicKey);
  return [
    ...(content?.subject === subjectOf({ kind: "user", id }) ? [] : ["a receipt does not verify"]),
    ...(isMarked(marker, statement) ? ["a receipt has a marker"] : []),
  ];
};

/** Counts the entries of the audit log that have a marker. */
const countAudited = async ({ changes }: Clients, marker: Marker): Promise<number> => {
  let [count, pageToken] = [0, ""];
  do {
    const page = await changes.listAuditEntries({ pageSize: 1_000, pageToken });
    count += page.auditEntries.filter((entry) => isMarked(marker, textOf(entry))).length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return count;
};

const keysOf = (named: ReadonlyMap<string, boolean>, isNamed: boolean): readonly string[] =>
  [...named].flatMap(([column, is]) => (is === isNamed ? [column] : []));

/** Users with markers in all fields are purged, one of them after a merge, and looked for wherever the service writes. */
export const forgotten: Drill = {
  rows: [10],
  name: "forgotten",
  about:
    "users with markers in every column that can have a person's text are merged and purged; after the life of an entry, counts tables, answers, entries of the shared cache, lines of logs and files of PostgreSQL that have a marker, and columns that name one of them",
  lacks: () => (hasRedis ? undefined : "there is no redis-server on this machine"),
  run: async ({ of, stack, complain }) => {
    const lines: string[] = [];
    const postgres = await startPostgres({ settings: ["fsync=on"], onLog: (line) => void lines.push(line) });
    stack.defer(() => postgres.stop());
    const redis = stack.use(await startRedis());
    const fleet = stack.use(await startFleet({ postgresUrl: postgres.url, redis, size: of(1, 2), settings: { LOG_LEVEL: "debug" } }));
    const clients = connectClients(fleet.members, fleet.members.length, stack, {});
    const [first] = clients;
    if (first === undefined) throw new Error("The fleet has no members.");
    const admin = new pg.Client(fleet.databaseUrl);
    await admin.connect();
    stack.defer(() => admin.end());
    const marker = createMarker();
    const endFeed = watchFeed(first, complain);
    // Somebody stays: of a table that is empty PostgreSQL keeps what it knew.
    await createPerson(first, admin, createMarker(), 0);
    const ids: bigint[] = [];
    for (let index = 0; index < of(3, 12); index += 1) ids.push(await createPerson(first, admin, marker, index));
    await readPeople(clients, marker, ids);
    // Some columns have something of a person only before the merge, and some only after it.
    const lacking = async () => [...(await unmarkedColumns(admin, marker)), ...keysOf(await namedIn(admin, ids), false)];
    const lackingBefore = await lacking();
    for (const id of ids) await releasePerson(first, id);
    await mergeFirst(first, ids);
    const lackingStill = new Set(await lacking());
    for (const column of lackingBefore.filter((one) => lackingStill.has(one)))
      complain(`${column} had nothing of a person: see to it in test/drill/forgotten/person.ts, or say in coverage.ts why it never has`);
    const { rows: folders } = await admin.query<{ folder: string }>("select current_setting('data_directory') as folder");
    const folder = folders[0]?.folder ?? "";
    // What the planner knows of columns are values of theirs.
    await admin.query("analyze");
    await admin.query("checkpoint");
    const tablesBefore = await tablesWith(admin, marker);
    if (!tablesBefore.includes("idempotency")) complain("no answer that was kept had a marker before");
    const before = { tables: tablesBefore.length, files: (await filesWith(folder, marker)).data.length };
    // Else the counts below would show nothing.
    if (Math.min(...Object.values(before)) < 10) complain(`too little had a marker before: ${textOf(before)}`);

    for (const id of ids.slice(1)) {
      const { receipt } = await first.users.purgeUser({ id, allowOwnerless: true }, patient);
      for (const fault of faultsOf(receipt, id, marker)) complain(fault);
    }
    const audited = await countAudited(first, marker);
    await delay(ENTRY_TTL_MS + EXPIRY_MS + GRACE_MS);
    const cached = (await redis.contents()).filter((entry) => isMarked(marker, entry.join(" "))).length;
    const told = await endFeed();
    const fed = told.filter((message) => isMarked(marker, message)).length;
    for (const { service } of fleet.members) lines.push(...Object.values(service().output()).flatMap((text) => text.split("\n")));
    const logged = lines.filter((line) => isMarked(marker, line)).length;
    const tables = await tablesWith(admin, marker);
    for (const table of tables) complain(`the table ${table} has a marker`);
    const naming = keysOf(await namedIn(admin, ids), true);
    for (const column of naming) complain(`${column} names a user who was purged`);
    // Statistics first: VACUUM FULL then leaves out their former rows, too.
    await admin.query("analyze");
    for (const name of await knownWith(admin, marker)) complain(`what the planner knows of ${name} has a marker`);
    await admin.query("vacuum full");
    await admin.query("checkpoint");
    const files = await filesWith(folder, marker);
    const nameOf = await createRelationNames(admin);
    for (const file of files.data) complain(`the file of ${nameOf(file)} of PostgreSQL has a marker`);
    return {
      ...{ operations: ids.length, faults: ids.length, bound: 0, complaints: [] },
      figure: tables.length + files.data.length + cached + fed + logged + audited + naming.length,
      besides: {
        ...{ tables_before: before.tables, files_before: before.files, wal_files: files.log.length },
        ...{ cached, fed, logged, audited, lines: lines.length, messages: told.length },
      },
    };
  },
};
