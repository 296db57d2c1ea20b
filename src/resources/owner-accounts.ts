import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import { type Aggregate, accountAggregate } from "../versions/aggregate.ts";

/** The accounts of profiles; an unknown profile has none. The account of a profile never changes. */
export const accountsOfProfiles = async (session: Session, profileIds: readonly bigint[]): Promise<ReadonlyMap<bigint, bigint>> => {
  const rows = await session.rows(sql<{ id: bigint; account_id: bigint }>`
    select id, account_id from user_profile where id = any(${[...new Set(profileIds)].map(String)}::bigint[])`);
  return new Map(rows.map(({ id, account_id }) => [id, account_id]));
};

/** The aggregates of accounts, each once. */
export const accountAggregates = (ids: Iterable<bigint>): readonly Aggregate[] => [...new Set(ids)].map(accountAggregate);
