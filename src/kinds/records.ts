import type { DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { type RawBuilder, sql } from "kysely";
import type { Call } from "../call.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { Session } from "../db/session.ts";
import type { Tx, WritePlan } from "../db/write.ts";
import type { KindSet } from "../schema/kind-set.ts";
import { joinedAncestors } from "./row.ts";
import type { KindDependencies } from "./standard-method.ts";

/** The resources of a kind, or the profiles (then the name is `profile`), that are about to be removed. */
type Removed = { readonly name: string; readonly ids: readonly bigint[] };

/** The most records that one statement removes. */
const BATCH = 10_000;

/** Returns the large kinds whose records are part of resources of a kind, or of what is part of these. */
export const largeBelow = ({ kinds }: Pick<KindSet, "kinds">, name: string): readonly Kind[] =>
  kinds.filter(({ isLarge, ancestors }) => isLarge && ancestors.some(({ to }) => to.name === name));

/** Runs a statement that removes a batch until there is nothing left for it; each run is a transaction, and what it has removed stays so. */
const inBatches = async (removeSome: () => Promise<number>, stopped?: AbortSignal): Promise<number> => {
  let removed = 0;
  for (let rows = BATCH; rows === BATCH && stopped?.aborted !== true; removed += rows) rows = await removeSome();
  return removed;
};

/** Makes the SQL of the ids of the records of a large kind below resources of a kind, or below profiles. */
export const recordsBelow = ({ table, ancestors }: Kind, { name, ids }: Removed): RawBuilder<{ id: bigint }> => {
  const depth = 1 + ancestors.findIndex(({ to }) => to.name === name);
  return sql`
    select r.id from ${sql.table(table)} r ${joinedAncestors({ ancestors: ancestors.slice(0, depth) })}
    where ${sql.ref(`a${depth}.id`)} = any(${ids.map(String)}::bigint[])`;
};

const someBelow = (kind: Kind, removed: Removed, limit: number): RawBuilder<{ id: bigint }> =>
  sql`${recordsBelow(kind, removed)} limit ${sql.lit(limit)}`;

/** Numbers of records that were removed, by table. */
export type RemovedRecords = ReadonlyMap<string, number>;

const NO_RECORDS: RemovedRecords = new Map();

/**
 * Removes the records below resources or profiles in batches, before a transaction that removes these themselves: a foreign key would remove all
 * of them in that one transaction. Whoever is broken off goes on where this stopped. Returns how many were removed.
 */
export const removeRecordsBelow = async (session: Session, removed: Removed, stopped?: AbortSignal): Promise<RemovedRecords> => {
  const numbers = new Map<string, number>();
  for (const kind of largeBelow(session.kinds, removed.name)) {
    const some = someBelow(kind, removed, BATCH);
    const isGone = () => session.affected(sql`delete from ${sql.table(kind.table)} where id = any(array(${some}))`);
    numbers.set(kind.table, await inBatches(isGone, stopped));
  }
  return numbers;
};

/** Removes the records of all large kinds that are kept no longer; returns their number. Several processes share the work. */
export const removeExpiredRecords = async (session: Session, stopped?: AbortSignal): Promise<number> => {
  let removed = 0;
  for (const { table, retention } of session.kinds.kinds) {
    if (retention === undefined) continue;
    const time = sql.ref(retention.column.name);
    const some = sql`
      select id from ${sql.table(table)} where ${time} < now() - make_interval(days => ${sql.lit(retention.days)})
      order by ${time} limit ${sql.lit(BATCH)} for update skip locked`;
    removed += await inBatches(() => session.affected(sql`delete from ${sql.table(table)} where id = any(array(${some}))`), stopped);
  }
  return removed;
};

/**
 * Removes the records below what a write is about to remove, if that write is going to be done: `check` throws what the write would throw before
 * it changes anything. A write that is refused, or only validated, leaves them; its own errors say why. Returns how many were removed.
 */
export const removeRecordsFirst = async <M extends DescMethodUnary>(
  { db, write }: Pick<KindDependencies, "db" | "write">,
  call: Call,
  removed: Removed,
  plan: WritePlan<M>,
  check: (tx: Tx) => Promise<unknown>,
): Promise<RemovedRecords> => {
  const { validateOnly = false } = plan.request as { readonly validateOnly?: boolean };
  const large = largeBelow(db.kinds, removed.name);
  if (validateOnly || large.length === 0) return NO_RECORDS;
  const parts = large.map((kind) => sql`(${someBelow(kind, removed, 1)})`);
  if ((await db.session(call).row(sql`select from (${sql.join(parts, sql` union all `)}) found limit 1`)) === undefined) return NO_RECORDS;
  const request = { ...plan.request, validateOnly: true, requestId: "" };
  const isAllowed = await write(call, { ...plan, request }, async (tx) => {
    await check(tx);
    return {} as MessageInitShape<M["output"]>;
  }).then(
    () => true,
    () => false,
  );
  return isAllowed ? removeRecordsBelow(db.session(call), removed) : NO_RECORDS;
};
