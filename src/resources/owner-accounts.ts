import { type Kysely, sql } from "kysely";
import { accountSubject, type Subject } from "../cache/subject.ts";
import type { AbortOptions, Schema } from "../db/orm.ts";

/** The accounts of profiles; an unknown profile has none. The account of a profile never changes. */
export const accountsOfProfiles = async (
  db: Kysely<Schema>,
  profileIds: readonly bigint[],
  abort: AbortOptions,
): Promise<ReadonlyMap<bigint, bigint>> => {
  const { rows } = await sql<{ id: bigint; account_id: bigint }>`
    select id, account_id from user_profile where id = any(${[...new Set(profileIds)].map(String)}::bigint[])`.execute(db, abort);
  return new Map(rows.map(({ id, account_id }) => [id, account_id]));
};

/** The subjects of accounts, each once. */
export const accountSubjects = (ids: Iterable<bigint>): readonly Subject[] => [...new Set(ids)].map(accountSubject);
