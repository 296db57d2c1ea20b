import { sql } from "kysely";
import { OWNER_PROFILE_ID } from "../../contract/kinds/kind.ts";
import { lockAggregates } from "../../db/aggregates.ts";
import { inTransaction } from "../../db/in-transaction.ts";
import type { Database } from "../../db/orm.ts";
import type { Session } from "../../db/session.ts";
import { lockOwned } from "../../kinds/owned.ts";
import { lockKinds } from "../../kinds/remove.ts";
import { lifeOf } from "../tables.ts";
import { mergeLocks } from "./mergeable.ts";
import { dropProfile, inOrganizations, keep, moveRows } from "./take.ts";

/** The most rows that one transaction moves. */
const BATCH = 5_000;

type Part = {
  readonly id: bigint;
  readonly table_name: string;
  readonly column_name: string;
  readonly from_id: bigint;
  readonly to_id: bigint;
  readonly last_id: bigint;
};

/** The column of a part that is a profile, which says whether the target has had one of its own in the account. */
export const PROFILE_MADE = "made";
/** The same of a target that has had one. */
export const PROFILE_KEPT = "kept";

/** Keeps and removes the source's rows that collide with what the target has got since the merge was decided: what is newer stands. */
const discardCollisions = async (tx: Session, mergeId: bigint, part: Part, ids: readonly string[]): Promise<void> => {
  const { table_name: table, column_name: column, to_id: to } = part;
  const rule = lifeOf(tx.kinds.kinds, table)?.merge;
  if (rule?.as !== "rows") return;
  const isSame = sql.join(
    rule.key.map((name) => sql`${sql.ref(`t.${name}`)} = ${sql.ref(`s.${name}`)}`),
    sql` and `,
  );
  const rows = await tx.rows(sql<{ id: string }>`
    select s.id::text from ${sql.table(table)} s join ${sql.table(table)} t on ${isSame} and ${sql.ref(`t.${column}`)} = ${to}
    where s.id = any(${[...ids]}::bigint[]) order by s.id`);
  if (rows.length === 0) return;
  const colliding = rows.map(({ id }) => id);
  await keep(tx, mergeId, table, "source", colliding);
  await tx.rows(sql`delete from ${sql.table(table)} where id = any(${colliding}::bigint[])`);
};

/** Moves the next rows of a part, and notes up to where. All users, accounts and organizations are locked. */
const movePart = async (tx: Session, mergeId: bigint, part: Part): Promise<void> => {
  const { table_name: table, column_name: column, from_id: from, to_id: to } = part;
  const done = () => tx.rows(sql`delete from merge_part where id = ${part.id}`);
  if (table === "user_profile") {
    await lockOwned(tx, [from, to]);
    const [profile] = await tx.rows(sql<{ account: bigint }>`select account_id as account from user_profile where id = ${from}`);
    if (profile !== undefined)
      await dropProfile(tx, mergeId, { from, account: profile.account, to: column === PROFILE_KEPT ? to : undefined }, to);
    await done();
    return;
  }
  const isOfProfile = column === OWNER_PROFILE_ID;
  const isReference = !isOfProfile && tx.kinds.kinds.some((kind) => kind.table === table);
  const next = sql`select x.id from ${sql.table(table)} x where ${sql.ref(`x.${column}`)} = ${from} and x.id > ${part.last_id} order by x.id limit ${sql.lit(BATCH)}`;
  const locked = isReference
    ? await lockKinds(tx, sql`select organization_id from ${sql.table(table)} where id in (${next})`)
    : isOfProfile
      ? await lockOwned(tx, [from, to])
      : [];
  const ids = (await tx.rows(sql<{ id: string }>`select id::text from (${next}) n order by n.id`)).map(({ id }) => id);
  if (ids.length > 0) {
    await discardCollisions(tx, mergeId, part, ids);
    const inBatch = sql` and id = any(${ids}::bigint[])`;
    const which = isReference ? sql`${inBatch}${inOrganizations(locked.map(({ id }) => String(id)))}` : inBatch;
    await moveRows(tx, mergeId, { table, column, from, to }, which);
  }
  if (ids.length < BATCH) await done();
  else await tx.rows(sql`update merge_part set last_id = ${ids.at(-1)}::bigint where id = ${part.id}`);
};

/** Does one batch of a merge; returns whether there is more to do. */
const continueOnce = (db: Database, mergeId: bigint): Promise<boolean> =>
  inTransaction(db, "userd merges", async (tx) => {
    const users = await tx.row(sql<{ from: bigint; to: bigint }>`
      select user_id as "from", target_user_id as "to" from user_merge where id = ${mergeId}`);
    if (users === undefined) return false;
    await lockAggregates(tx, await mergeLocks(users.from, users.to)(tx));
    const parts = await tx.rows(sql<Part>`select * from merge_part where merge_id = ${mergeId} order by id limit 2 for update`);
    const [part] = parts;
    if (part === undefined) return false;
    await movePart(tx, mergeId, part);
    return parts.length > 1 || (await tx.row(sql`select from merge_part where merge_id = ${mergeId} limit 1`)) !== undefined;
  });

/** Goes on with a large merge, batch after batch, until it is done or stopped; returns whether it is done. Each batch notes up to where it came. */
export const continueMerge = async (db: Database, mergeId: bigint, stopped: AbortSignal): Promise<boolean> => {
  while (!stopped.aborted) if (!(await continueOnce(db, mergeId))) return true;
  return false;
};

/** Goes on with all large merges that nobody has finished, the oldest first. */
export const continueMerges = async (db: Database, stopped: AbortSignal): Promise<void> => {
  const merges = await db.session().rows(sql<{ id: bigint }>`select distinct merge_id as id from merge_part order by 1`);
  for (const { id } of merges) await continueMerge(db, id, stopped);
};
