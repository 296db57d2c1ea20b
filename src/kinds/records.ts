import type { DescMethodUnary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { Session } from "../db/session.ts";
import type { Tx, WritePlan } from "../db/transaction.ts";
import type { KindSet } from "../schema/kind-set.ts";
import { joinedAncestors } from "./row.ts";
import { answerOf, type KindDependencies } from "./standard-method.ts";

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

/**
 * Removes the records below a resource in batches, before a transaction that removes the resource itself: a foreign key would remove all of
 * them in that one transaction. Whoever is broken off goes on where this stopped.
 */
export const removeRecordsBelow = async (session: Session, name: string, id: bigint, stopped?: AbortSignal): Promise<void> => {
  for (const { table, ancestors } of largeBelow(session.kinds, name)) {
    const depth = 1 + ancestors.findIndex(({ to }) => to.name === name);
    const some = sql`
      select r.id from ${sql.table(table)} r ${joinedAncestors({ ancestors: ancestors.slice(0, depth) })}
      where ${sql.ref(`a${depth}.id`)} = ${id} limit ${sql.lit(BATCH)}`;
    await inBatches(() => session.affected(sql`delete from ${sql.table(table)} where id = any(array(${some}))`), stopped);
  }
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
 * Removes the records below a resource that a write is about to remove, if that write is going to be done: `check` throws what the write would
 * throw before it changes anything. A write that is refused, or only validated, leaves them; its own errors say why.
 */
export const removeRecordsFirst = async (
  { db, write }: Pick<KindDependencies, "db" | "write">,
  call: Call,
  { name }: Kind,
  plan: WritePlan<DescMethodUnary>,
  id: bigint,
  check: (tx: Tx) => Promise<unknown>,
): Promise<void> => {
  const { validateOnly = false } = plan.request as { readonly validateOnly?: boolean };
  if (validateOnly || largeBelow(db.kinds, name).length === 0) return;
  const request = { ...plan.request, validateOnly: true, requestId: "" };
  const isAllowed = await write(call, { ...plan, request }, async (tx) => {
    await check(tx);
    return answerOf({});
  }).then(
    () => true,
    () => false,
  );
  if (isAllowed) await removeRecordsBelow(db.session(call), name, id);
};
