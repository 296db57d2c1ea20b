import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { sql } from "kysely";
import { createFeedPositions } from "../../changes/feed-position.ts";
import { transact } from "../../db/in-transaction.ts";
import type { OwnedDatabase } from "../../db/open.ts";
import { BACKGROUND } from "../../db/places.ts";
import { createSession } from "../../db/session.ts";
import { DomainError } from "../../errors.ts";
import type { ExportProgress } from "./export-all.ts";
import { readLines } from "./export-user.ts";
import { createDigest, type Manifest, prefixOf } from "./format.ts";
import { type Beginning, type End, FORMAT, parsedLine, VERSION } from "./resumable-format.ts";

/** The most ids of users that are read at once. */
const BATCH = 1_000;

/** A file that can't be gone on with. The message is for the person who has it. */
export class ResumeFault extends Error {
  override readonly name = "ResumeFault";
}

/** How far a file has come: the last user that it has in whole, and the byte after that user. */
type Reached = { readonly lastId: bigint; readonly users: number; readonly offset: number };

/** Reads the whole lines of a file. What stands after the last end of a line was cut off. */
async function* wholeLines(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(path, "utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Finds out how far a file has come. Throws ResumeFault for a file that is done, is something else, or was made with other options. */
const reachedIn = async (path: string, withSecrets: boolean): Promise<Reached> => {
  let reached: Reached = { lastId: 0n, users: 0, offset: 0 };
  let offset = 0;
  let user:
    | { readonly id: bigint; readonly tables: Manifest["tables"]; part: number; rows: number; digest: ReturnType<typeof createDigest> }
    | undefined;
  for await (const line of wholeLines(path)) {
    const isFirst = offset === 0;
    offset += Buffer.byteLength(line) + 1;
    if (isFirst) {
      const beginning = parsedLine<Beginning>(line);
      if (beginning.format !== FORMAT || beginning.version !== VERSION)
        throw new ResumeFault(`${path} is no export that can be gone on with.`);
      if (beginning.withSecrets !== withSecrets) throw new ResumeFault(`${path} was begun ${withSecrets ? "without" : "with"} --secrets.`);
      reached = { ...reached, offset };
      continue;
    }
    if (user === undefined) {
      const manifest = parsedLine<Manifest & End>(line);
      if (manifest.endTime !== undefined) throw new ResumeFault(`${path} is done: there is nothing to go on with.`);
      if (manifest.userId === undefined || manifest.tables === undefined) break;
      user = { id: BigInt(manifest.userId), tables: manifest.tables, part: 0, rows: 0, digest: createDigest() };
    } else {
      const table = user.tables[user.part];
      const prefix = table && prefixOf(table);
      if (table === undefined || prefix === undefined || !line.startsWith(prefix)) break;
      user.digest.add(line.slice(prefix.length, -1));
      user.rows += 1;
      if (user.rows === table.rows) {
        if (user.digest.hex() !== table.digest) break;
        Object.assign(user, { part: user.part + 1, rows: 0, digest: createDigest() });
      }
    }
    if (user.part === user.tables.length) {
      reached = { lastId: user.id, users: reached.users + 1, offset };
      user = undefined;
    }
  }
  return reached;
};

const openForMore = async (path: string, withSecrets: boolean): Promise<{ readonly file: FileHandle; readonly reached: Reached }> => {
  try {
    return { file: await open(path, "wx", 0o600), reached: { lastId: 0n, users: 0, offset: 0 } };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw new ResumeFault(`${path} can't be written: ${(error as Error).message}.`);
  }
  const reached = await reachedIn(path, withSecrets);
  const file = await open(path, "r+");
  await file.truncate(reached.offset);
  return { file, reached };
};

/**
 * Exports all users to a file, one after the other, each of one moment; where the file is there already, goes on after the last user that it has in
 * whole. Returns the number of users. Throws ResumeFault for a file that can't be gone on with.
 */
export const exportResumable = async (
  db: OwnedDatabase,
  path: string,
  withSecrets: boolean,
  onProgress: (progress: ExportProgress) => void,
): Promise<number> => {
  const { file: opened, reached } = await openForMore(path, withSecrets);
  await using file = opened;
  let offset = reached.offset;
  const append = async (text: string): Promise<void> => {
    const bytes = Buffer.from(text);
    await file.write(bytes, 0, bytes.length, offset);
    offset += bytes.length;
  };
  const positions = createFeedPositions(db.secretKey);
  const headOf = async () => {
    const { position, epoch, now } = await db.session().one(sql<{ position: bigint; epoch: string; now: Date }>`
      select position, epoch, now() as now from feed_head`);
    return { time: now.toISOString(), position: positions.issue({ position, epoch }) };
  };
  if (offset === 0) {
    const { time, position } = await headOf();
    const beginning: Beginning = { format: FORMAT, version: VERSION, startTime: time, startPosition: position, withSecrets };
    await append(`${JSON.stringify(beginning)}\n`);
  }
  const { total } = await db
    .session()
    .one(sql<{ total: number }>`select count(*)::int as total from users where merged_into_user_id is null`);
  let [lastId, users] = [reached.lastId, reached.users];
  for (let isFull = true; isFull; ) {
    const ids = await db.session().rows(sql<{ id: bigint }>`
      select id from users where id > ${lastId} and merged_into_user_id is null order by id limit ${BATCH}`);
    for (const { id } of ids) {
      const lines = await transact(db, BACKGROUND, async (transaction) => {
        const session = createSession(transaction, db.kinds);
        await session.rows(sql`set transaction isolation level repeatable read read only`);
        return readLines(session, id, withSecrets);
      }).catch((error: unknown) => {
        // Purged or merged meanwhile: the feed says so.
        if (error instanceof DomainError && ["USER_NOT_FOUND", "USER_MERGED"].includes(error.reason)) return undefined;
        throw error;
      });
      if (lines === undefined) continue;
      await append(`${lines.join("\n")}\n`);
      users += 1;
      onProgress({ rows: users, total: Math.max(total, users) });
    }
    lastId = ids.at(-1)?.id ?? lastId;
    isFull = ids.length === BATCH;
  }
  const { time, position } = await headOf();
  const end: End = { endTime: time, endPosition: position, users };
  await append(`${JSON.stringify(end)}\n`);
  await file.sync();
  return users;
};
