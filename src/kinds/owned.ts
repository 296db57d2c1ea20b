import { sql } from "kysely";
import { type Kind, OWNER_PROFILE_ID, PROFILE } from "../contract/kinds/kind.ts";
import { lockAggregates } from "../db/aggregates.ts";
import type { Session } from "../db/session.ts";
import type { KindSet } from "../schema/kind-set.ts";
import { type Aggregate, ownedAggregate } from "../versions/aggregate.ts";

/** Returns the kinds whose resources belong to profiles, each after those that it refers to. */
export const ownedKinds = ({ kinds }: KindSet): readonly Kind[] => kinds.filter(({ belongsTo }) => belongsTo?.to === PROFILE);

const owner = sql.ref(OWNER_PROFILE_ID);

/** Locks what profiles own, also where nothing is owned yet: then no new resource comes in between. */
export const lockOwned = async (tx: Session, profileIds: readonly bigint[]): Promise<readonly Aggregate[]> => {
  const aggregates = profileIds.map(ownedAggregate);
  await lockAggregates(tx, aggregates);
  return aggregates;
};

/** Counts the resources of kinds that a profile owns, as a map from the kind to the number, and keeps new ones out until the transaction ends. */
export const countOwned = async (tx: Session, profileId: bigint): Promise<ReadonlyMap<string, bigint>> => {
  await lockOwned(tx, [profileId]);
  const counts = ownedKinds(tx.kinds).map(
    ({ name, table }) => sql`select ${sql.lit(name)} as kind, count(*) as count from ${sql.table(table)} where ${owner} = ${profileId}`,
  );
  if (counts.length === 0) return new Map();
  const rows = await tx.rows(sql<{ kind: string; count: bigint }>`${sql.join(counts, sql` union all `)}`);
  return new Map(rows.filter(({ count }) => count > 0n).map(({ kind, count }) => [kind, count]));
};

/**
 * Removes for good the resources of all kinds that profiles own. The accounts and users of the profiles have to be locked already.
 * @returns the aggregates whose versions have risen.
 */
export const dropOwned = async (tx: Session, profileIds: readonly bigint[]): Promise<readonly Aggregate[]> => {
  const kinds = ownedKinds(tx.kinds);
  if (kinds.length === 0 || profileIds.length === 0) return [];
  const aggregates = await lockOwned(tx, profileIds);
  // What refers to others goes before them, so that no reference has to be cleared.
  for (const { table } of kinds.toReversed())
    await tx.rows(sql`delete from ${sql.table(table)} where ${owner} = any(${profileIds.map(String)}::bigint[])`);
  return aggregates;
};

/**
 * Gives all resources of kinds that one profile owns to another one, where the constraint of a key refuses what is there already. The accounts
 * and users of both have to be locked already.
 * @returns the aggregates whose versions have risen.
 */
export const transferOwned = async (tx: Session, from: bigint, to: bigint): Promise<readonly Aggregate[]> => {
  const kinds = ownedKinds(tx.kinds);
  if (kinds.length === 0) return [];
  const aggregates = await lockOwned(tx, [from, to]);
  for (const { table, isLarge } of kinds) {
    const counted = isLarge ? sql`` : sql`, etag = etag + 1`;
    await tx.rows(sql`update ${sql.table(table)} set ${owner} = ${to}${counted} where ${owner} = ${from}`);
  }
  return aggregates;
};
