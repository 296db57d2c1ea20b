import { type RawBuilder, sql } from "kysely";
import type { Logger } from "pino";
import { PROFILE } from "../../contract/kinds/kind.ts";
import { lockAggregates } from "../../db/aggregates.ts";
import { inTransaction } from "../../db/in-transaction.ts";
import type { OwnedDatabase } from "../../db/open.ts";
import type { Session } from "../../db/session.ts";
import { removeRecordsBelow } from "../../kinds/records.ts";
import { accountLocks, lockOwnings, profilesIn, removeAccount } from "../purge-account.ts";
import { purgeDue } from "../purger.ts";
import { eraseScope, recordScope } from "../record-scope.ts";
import { purgeable } from "../remove-scopes.ts";
import { createEraser, type Eraser, type ErasureSettings } from "./eraser.ts";
import { readLedger } from "./ledger.ts";
import { type Erased, type ErasedKind, erasedKinds } from "./receipts.ts";
import type { ErasedScope } from "./rows.ts";

/** The most ids that are read at once. */
const BATCH = 10_000;

/** What a replay has found and done: the number of entries, and of what the ledger names and the database has, by kind. */
type Replayed = { readonly entries: number; readonly erased: Readonly<Record<ErasedKind, number>> };

const tableOf = (kind: ErasedKind): RawBuilder<unknown> => sql.table(kind === "user" ? "users" : kind);

/** Finds what a ledger names. */
const findSubjects = async (db: OwnedDatabase, kind: ErasedKind, isErased: (erased: Erased) => boolean): Promise<readonly bigint[]> => {
  const found: bigint[] = [];
  for (let last = 0n, full = true; full; ) {
    const rows = await db.session().rows(sql<{ id: bigint }>`
      select id from ${tableOf(kind)} where id > ${last} order by id limit ${BATCH}`);
    found.push(...rows.flatMap(({ id }) => (isErased({ kind, id }) ? [id] : [])));
    last = rows.at(-1)?.id ?? last;
    full = rows.length === BATCH;
  }
  return found;
};

/** Locks what is about to be removed. Returns false if it is not there any more, since something else has taken it along. */
const lockScope = async (tx: Session, { kind, id }: ErasedScope): Promise<boolean> => {
  if (kind === "account") await lockAggregates(tx, await accountLocks(id)(tx));
  else {
    const { aggregate, aggregateId } = purgeable[kind];
    await tx.rows(sql`
      select from ${sql.table(kind)} r join aggregate_version s on s.kind = ${aggregate} and s.id = r.${sql.ref(aggregateId)}
      where r.id = ${id} for update of s`);
  }
  return (await tx.row(sql`select from ${sql.table(kind)} where id = ${id}`)) !== undefined;
};

/** Removes an organization, a project, a team or an account again. */
const eraseAgain = async (db: OwnedDatabase, erased: ErasedScope, eraser: Eraser): Promise<void> => {
  const { kind, id } = erased;
  const below =
    kind === "account"
      ? { name: PROFILE, ids: (await profilesIn(db.session(), id)).map((profile) => profile.id) }
      : { name: kind, ids: [id] };
  const records = await removeRecordsBelow(db.session(), below);
  await inTransaction(db, "userd purger", async (tx) => {
    if (!(await lockScope(tx, erased))) return;
    if (kind !== "account") {
      await eraseScope(tx, { kind, id }, eraser, records);
      return;
    }
    await lockOwnings(tx, id);
    await recordScope(tx, erased, eraser, records);
    await removeAccount(tx, id);
  });
};

/**
 * Erases what a ledger names and the database has, since a backup was restored that is older than its erasure. Receipts are stored anew, but the
 * ledger gets no second line. A hold does not save users: it is older than the erasure, too.
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
  const isErased = (erased: Erased) => subjects.has(eraser.subjectOf(erased));
  const erased: Record<ErasedKind, number> = { user: 0, organization: 0, project: 0, team: 0, account: 0 };
  // Users last: what they own elsewhere goes with it.
  for (const kind of erasedKinds.toReversed()) {
    const found = await findSubjects(db, kind, isErased);
    erased[kind] = found.length;
    if (dryRun || found.length === 0) continue;
    if (kind !== "user") {
      for (const id of found) await eraseAgain(db, { kind, id }, eraser);
      continue;
    }
    const isDue = sql`u.id = any(${found.map(String)}::bigint[])`;
    await purgeDue(db, isDue, eraser, log, new AbortController().signal);
    const left = await db.session().rows(sql`select from users u where ${isDue}`);
    erased.user -= left.length;
  }
  return { entries: subjects.size, erased };
};
