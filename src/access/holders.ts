import { sql } from "kysely";
import { LRUCache } from "lru-cache";
import type { CacheKey } from "../cache/core.ts";
import type { Call, MaybePromise } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Owner } from "./policy.ts";

/** The user and the account of a profile, which never change. The id of a profile is never used again, so this fact needs no lease. */
export type Holder = {
  readonly userId: bigint;
  readonly owner: Owner;
  /** The cache key of the user, once it has been asked for. */
  user?: CacheKey<bigint>;
};

/** What is remembered of profiles by their ids. A profile that is remembered may be gone: the cache of its user tells. */
export type Holders = {
  readonly get: (profileId: bigint) => Holder | undefined;
  /** Reads the holders that are not remembered, in one statement; undefined = there are none. */
  readonly learn: (call: Call, profileIds: readonly bigint[]) => MaybePromise<void>;
};

/** The most profiles whose holders are remembered. */
const MAX_HOLDERS = 100_000;

/** Makes the memory of the users and accounts of profiles. */
export const createHolders = (db: Database): Holders => {
  // By size, since `max` takes the memory of all of them at once.
  const holders = new LRUCache<bigint, Holder>({ maxSize: MAX_HOLDERS, sizeCalculation: () => 1 });

  const read = async (call: Call, ids: readonly bigint[]): Promise<void> => {
    const rows = await db.session(call).rows(sql<{ id: bigint; user_id: bigint; account_id: bigint }>`
      select id, user_id, account_id from user_profile where id = any(${[...new Set(ids)].map(String)}::bigint[])`);
    for (const { id, user_id: userId, account_id: accountId } of rows) holders.set(id, { userId, owner: { profileId: id, accountId } });
  };

  return {
    get: (id) => holders.get(id),
    learn: (call, ids) => {
      const unknown = ids.filter((id) => !holders.has(id));
      return unknown.length === 0 ? undefined : read(call, unknown);
    },
  };
};
