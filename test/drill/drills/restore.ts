import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.ts";
import { type Change, ChangePayload, type WatchChangesRequestSchema } from "../../../src/gen/userd/v1/change_pb.ts";
import { formatAddress } from "../../../src/server/sockets.ts";
import { lacksTools } from "../../foreign/tools.ts";
import { createUsers, value } from "../../support/build.ts";
import { type Clients, createClients } from "../../support/clients.ts";
import { freePort } from "../../support/postgres.ts";
import { hasRedis, startRedis } from "../../support/redis.ts";
import { startService } from "../../support/userd.ts";
import type { Drill } from "../drill.ts";
import { judgeFeed } from "../judge-feed.ts";
import { lacksMachinePostgres, startMachinePostgres } from "../machine-postgres.ts";
import { machineTime } from "../moments.ts";
import type { Order, Readings } from "../near-cache/readings.ts";
import { buildGoReader, startReader, typescriptReader } from "../near-cache/start-reader.ts";

const BOUND_MS = 1_000;
const USERS = 12;
/** What options say before the dump; after it, which the restore takes back; and after the restore. */
const [BEFORE, LOST, AFTER] = [10, 20, 30];

type Start = NonNullable<MessageInitShape<typeof WatchChangesRequestSchema>["start"]>;

/** Watches from a start until a condition holds of all that came, at most for a while; returns what came, and how the stream ended otherwise. */
const watch = async (
  { changes }: Clients,
  start: Start,
  isEnough: (changes: readonly Change[], hasBookmark: boolean) => boolean,
): Promise<{ readonly changes: readonly Change[]; readonly error: ConnectError | undefined }> => {
  const came: Change[] = [];
  const isSnapshot = start.case === "snapshot";
  const payload = isSnapshot ? ChangePayload.CURRENT : ChangePayload.NONE;
  const filter = { kinds: isSnapshot ? ["user_option"] : [] };
  try {
    for await (const message of changes.watchChanges(
      { filter, start, payload, bookmarkInterval: { nanos: 200_000_000 } },
      { timeoutMs: 10_000 },
    )) {
      came.push(...message.changes);
      if (isEnough(came, message.bookmark !== undefined)) break;
    }
    return { changes: came, error: undefined };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return { changes: came, error };
  }
};

/** Returns what is wrong with the reads of one near cache. `readAfter` are the options that were written after the restore. */
const judgeReader = (
  name: string,
  { found, hits }: Readings,
  times: { readonly endedAt: number; readonly readyAt: number; readonly writtenAt: number },
  readAfter: ReadonlySet<number>,
): readonly string[] => {
  const complaints: string[] = [];
  const seen = new Set<string>();
  for (const [slot, found_, reads, firstEnded, lastBegan] of found) {
    seen.add(`${slot} ${found_}`);
    const say = (why: string) => complaints.push(`${name} found ${found_} in ${reads} reads of option ${slot}, ${why}`);
    if (found_ === LOST && lastBegan > times.endedAt + BOUND_MS)
      say(`the last ${Math.round(lastBegan - times.endedAt)} ms after the database that had it was gone`);
    if (found_ === BEFORE && firstEnded < times.readyAt) say("which was outdated before it began to read");
    if (found_ === BEFORE && readAfter.has(slot) && lastBegan > times.writtenAt + BOUND_MS)
      say(`the last ${Math.round(lastBegan - times.writtenAt)} ms after it was outdated`);
    if (found_ !== LOST && found_ !== BEFORE && found_ !== AFTER) say("which nobody has written");
  }
  for (let slot = 0; slot < USERS; slot += 1) {
    // Else the drill would show nothing.
    for (const wanted of [LOST, readAfter.has(slot) ? AFTER : BEFORE])
      if (!seen.has(`${slot} ${wanted}`)) complaints.push(`${name} never found ${wanted} in option ${slot}`);
  }
  if (hits === 0) complaints.push(`${name} had no hit`);
  return complaints;
};

/** A dump is restored into another cluster: the feed goes on there, and no near cache keeps what the dump does not have. */
export const restore: Drill = {
  rows: [38],
  name: "restore",
  about:
    "a database is dumped by pg_dump, changed further, and restored into another cluster, whose transaction ids are lower; counts changes without their one position, positions and tokens of the old cluster that are taken, and values that near caches in TypeScript and Go keep from it",
  lacks: () => lacksMachinePostgres() ?? (hasRedis ? lacksTools("go", "buf", "protoc-gen-go", "protoc-gen-go-grpc") : "redis-server"),
  run: async ({ postgresUrl, of, stack }) => {
    const programs = { typescript: typescriptReader, go: await buildGoReader(stack) };
    const source = await startMachinePostgres(stack);
    const redis = stack.use(await startRedis());
    const [grpcPort, httpPort] = [await freePort(), await freePort()];
    const start = async (databaseUrl: string) => {
      const service = stack.use(
        await startService({
          DATABASE_URL: databaseUrl,
          CACHE_URL: redis.url,
          CACHE_STALENESS_MS: String(BOUND_MS),
          GRPC_LISTEN: `127.0.0.1:${grpcPort}`,
          HTTP_LISTEN: `127.0.0.1:${httpPort}`,
          LOG_LEVEL: "fatal",
        }),
      );
      const { byKind, close } = createClients(service, { defaultTimeoutMs: 4_000 });
      stack.defer(close);
      return { service, clients: byKind["grpc-js"], close };
    };
    const complaints: string[] = [];
    const old = await start(source.url);
    const users = (await createUsers(old.clients, USERS)).map(({ id }) => id);
    const set = ({ options }: Clients, of: readonly bigint[], to: number) =>
      Promise.all(of.map((userId) => options.setOption({ userId, key: "n", value: value(to) })));
    const begin = await old.clients.changes.getFeedPosition({});

    // What is committed while nobody can give positions is in the dump without one.
    const holder = new pg.Client(source.url);
    await holder.connect();
    await holder.query("begin");
    await holder.query("select from feed_head for update");
    await set(old.clients, users, BEFORE);
    const dump = source.dump(source.url);
    await holder.query("rollback");
    await holder.end();
    const [lost] = await set(old.clients, users, LOST);
    const { head } = await old.clients.changes.getFeedPosition({});

    // Nobody reads what was before the last write.
    await delay(2 * BOUND_MS);
    const order: Order = {
      address: formatAddress(old.service.grpcAddress),
      boundMs: BOUND_MS,
      readsPerSecond: 20_000,
      slots: users.map((id) => ({ userId: String(id), key: "n" })),
      own: [],
    };
    const readers = Object.entries(programs).map(([name, program]) => ({ name, reader: startReader(program, order, stack) }));
    await Promise.all(readers.map(({ reader }) => reader.isLive));
    await delay(of(2, 10) * BOUND_MS);
    old.service.process.kill("SIGTERM");
    await old.service.ended;
    const endedAt = machineTime();
    old.close();

    const admin = new pg.Client(postgresUrl);
    await admin.connect();
    const name = `userd_restored_${randomBytes(4).toString("hex")}`;
    await admin.query(`create database ${name}`);
    await admin.end();
    const url = new URL(postgresUrl);
    url.pathname = `/${name}`;
    source.restore(dump, url.href);
    const restored = new pg.Client(url.href);
    await restored.connect();
    const { rows } = await restored.query<{ old: string; now: string; last: string; first: string }>(
      `select epoch as old, current_epoch() as now, (select max(id) from changes) as last,
        (select min(c.id) from changes c where not exists (select from feed f where f.change_id = c.id) and c.id > h.floor_id) as first from feed_head h`,
    );
    if (rows[0]?.old === rows[0]?.now) complaints.push("the restored database has the epoch of the dump");
    if (rows[0]?.first === null) complaints.push("every change of the dump had its position");
    const { clients } = await start(url.href);
    const readyAt = machineTime();

    const refused = async (what: string, from: Start): Promise<void> => {
      const { error } = await watch(clients, from, (_, hasBookmark) => hasBookmark);
      const reason = error?.findDetails(ErrorInfoSchema)[0]?.reason;
      if (error?.code !== Code.OutOfRange || reason !== "POSITION_OF_ANOTHER_EPOCH")
        complaints.push(`a stream that began at ${what} of the old cluster ended with ${error?.message ?? "nothing"}`);
    };
    await refused("a position", { case: "position", value: begin.head });
    await refused("the last position, which is not in the dump,", { case: "position", value: head });
    await refused("a token", { case: "consistencyToken", value: lost?.consistencyToken ?? "" });

    const rewritten = users.slice(0, USERS / 2);
    const isRewritten = new Set(rewritten.map((id) => `user/${id}`));
    const snapshot = await watch(clients, { case: "snapshot", value: true }, (_, hasBookmark) => hasBookmark);
    if (snapshot.error !== undefined) complaints.push(`the snapshot ended with ${snapshot.error.message}`);
    const options = snapshot.changes.flatMap(({ current }) => (current?.resource.case === "userOption" ? [current.resource.value] : []));
    const restoredOnes = options.filter(({ key, value: found }) => key === "n" && found?.kind.value === BEFORE).length;
    if (restoredOnes !== USERS) complaints.push(`the snapshot had ${restoredOnes} of ${USERS} options as the dump has them`);
    const { head: from } = await clients.changes.getFeedPosition({});
    await set(clients, rewritten, AFTER);
    const writtenAt = machineTime();
    const followed = await watch(clients, { case: "position", value: from }, (came) => came.length >= rewritten.length);
    if (followed.changes.some(({ aggregate }) => !isRewritten.has(aggregate)) || followed.changes.length !== rewritten.length)
      complaints.push(`a watcher of the new cluster got ${followed.changes.length} changes of ${rewritten.length}`);
    // Clients connect again within 5 s.
    await delay(of(10, 15) * BOUND_MS);

    const readings = await Promise.all(readers.map(async ({ name, reader }) => ({ name, ...(await reader.stop()) })));
    const judged = await judgeFeed(url.href, BigInt(rows[0]?.first ?? 1) - 1n);
    const missing = (came: readonly Change[]) => {
      const ids = new Set(came.map(({ auditEntryId }) => auditEntryId));
      return judged.told.filter(({ id }) => !ids.has(id));
    };
    const earliest = await watch(clients, { case: "earliest", value: true }, (came) => missing(came).length === 0);
    const missed = missing(earliest.changes);
    if (missed.length > 0) complaints.push(`a watcher from the earliest position missed ${missed.length} of ${judged.told.length} changes`);
    await restored.end();
    const slots = new Set(rewritten.map((_, index) => index));
    complaints.push(...judged.complaints);
    for (const reading of readings) complaints.push(...judgeReader(reading.name, reading, { endedAt, readyAt, writtenAt }, slots));
    const figuresOf = ({ name, reads, hits, resumes, resets }: (typeof readings)[number]) =>
      Object.entries({ reads, hits, resumes, resets }).map(([figure, one]) => [`${name}_${figure}`, one] as const);
    return {
      operations: readings.reduce((sum, { reads }) => sum + reads, 0),
      faults: 1,
      figure: complaints.length,
      bound: 0,
      complaints,
      besides: {
        without_position: judged.told.length,
        away_ms: Math.round(readyAt - endedAt),
        ...Object.fromEntries(readings.flatMap(figuresOf)),
      },
    };
  },
};
