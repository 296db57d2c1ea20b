import { sql } from "kysely";
import type { Logger } from "pino";
import type { OwnedDatabase } from "../../db/open.ts";
import { purgeDue } from "../purger.ts";
import { createEraser, type ErasureSettings } from "./eraser.ts";
import { readLedger } from "./ledger.ts";

/** The most ids of users that are read at once. */
const BATCH = 10_000;

/** What a replay has found and done. */
type Replayed = { readonly entries: number; readonly users: number };

/**
 * Erases the users whom a ledger names and the database has, since a backup was restored that is older than their erasure. Their receipts are
 * stored anew, but the ledger gets no second line. A hold does not save them: it is older than the erasure, too.
 * @throws LedgerFault, before anything is erased.
 */
export const replayLedger = async (
  db: OwnedDatabase,
  { key, ledger }: ErasureSettings & { readonly ledger: string },
  log: Logger,
  dryRun: boolean,
): Promise<Replayed> => {
  const eraser = createEraser(db.secretKey, { key, ledger: undefined });
  const subjects = new Set<string>();
  for await (const { subject } of readLedger(ledger, eraser.publicKey)) subjects.add(subject);
  const found: bigint[] = [];
  for (let last = 0n, full = true; full; ) {
    const rows = await db.session().rows(sql<{ id: bigint }>`select id from users where id > ${last} order by id limit ${BATCH}`);
    found.push(...rows.flatMap(({ id }) => (subjects.has(eraser.subjectOf(id)) ? [id] : [])));
    last = rows.at(-1)?.id ?? last;
    full = rows.length === BATCH;
  }
  if (dryRun || found.length === 0) return { entries: subjects.size, users: found.length };
  const isDue = sql`u.id = any(${found.map(String)}::bigint[])`;
  await purgeDue(db, isDue, eraser, log, new AbortController().signal);
  const left = await db.session().rows(sql`select from users u where ${isDue}`);
  return { entries: subjects.size, users: found.length - left.length };
};
