import type { MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { LRUCache } from "lru-cache";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { loadedOf } from "../cache/ports.ts";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenReady } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { GetAccountResponseSchema } from "../gen/userd/v1/account_pb.ts";
import { accountAggregate } from "../versions/aggregate.ts";
import { type AccountRow, selectAccounts, toAccount } from "./accounts.ts";

/** An account read through the cache, with the answer of GetAccount: one object, so that it is encoded once. */
export type CachedAccount = { readonly row: AccountRow; readonly response: MessageInitShape<typeof GetAccountResponseSchema> };

/** The lookup of accounts through the cache, keyed by id; undefined = there is no such account. */
export type Accounts = Lookup<bigint, { readonly account: CachedAccount | undefined }>;

/** A function that returns the account with a number, from the cache if its id is known; undefined = there is none. */
export type AccountsByNumber = (call: Call, number: string, reading: ReadConsistency) => MaybePromise<CachedAccount | undefined>;

/** The most account numbers whose ids are remembered. */
const MAX_NUMBERS = 100_000;

/** Makes the lookup of accounts. */
export const createAccounts = (cache: Cache, db: Database): Accounts => {
  const load = async (ids: readonly bigint[], signal: AbortSignal) => {
    const rows = await db.session({ signal, group: "cache accounts" }).rows(sql<SnapshotColumns & (AccountRow | { readonly id: null })>`
      select a.*, ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version
      from ${snapshot} cross join unnest(${ids.map(String)}::bigint[]) with ordinality as w (id, position)
      left join aggregate_version s on s.kind = 'account' and s.id = w.id
      left join account a on a.id = w.id
      order by w.position`);
    return loadedOf(rows, ({ epoch, database_time, aggregate_version, ...row }) => (row.id === null ? null : (row as AccountRow)));
  };
  return cache.lookup<bigint, AccountRow | null, { readonly account: CachedAccount | undefined }>(
    { name: "account", aggregateOf: accountAggregate, partOf: () => "", load, mayBeStale: false },
    (row) => ({ account: row === null ? undefined : { row, response: Object.freeze({ account: Object.freeze(toAccount(row)) }) } }),
  );
};

/** Makes the function that finds accounts by number. The number of an account never changes, so that its id needs no lease. */
export const createAccountsByNumber = (db: Database, accounts: Accounts): AccountsByNumber => {
  const ids = new LRUCache<string, bigint>({ maxSize: MAX_NUMBERS, sizeCalculation: () => 1 });
  const learn = async (call: Call, number: string, reading: ReadConsistency): Promise<CachedAccount | undefined> => {
    const row = await db.session(call).row(selectAccounts(db.sql).where("number", "=", number));
    if (row === undefined) return undefined;
    ids.set(number, row.id);
    return (await accounts.get(call, row.id, reading)).account;
  };
  return (call, number, reading) => {
    const id = ids.get(number);
    if (id === undefined) return learn(call, number, reading);
    // Another account may have the number of one that is gone.
    return whenReady(accounts.get(call, id, reading), ({ account }) => account ?? learn(call, number, reading));
  };
};
