import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { createSharedRead } from "../db/shared-read.ts";
import type { AccessCheck } from "../gen/users/v1/access_pb.ts";
import { findResources, type ResourceRow } from "../resources/resource.select.ts";
import type { Owner } from "./policy.ts";

/** What a check is about. */
export type Target = AccessCheck["target"];

/** Finds the owners of what checks are about, in their order; undefined = there is none. */
export type Owners = (call: Call, targets: readonly Target[]) => Promise<readonly (Owner | undefined)[]>;

const ownerOfResource = (row: ResourceRow | undefined): Owner | undefined =>
  row && { profileId: row.owner_profile_id, accountId: row.account_id };

/** Makes it; profiles are read in one statement, resources in another one, by all calls of one turn of the event loop. */
export const createOwners = (db: Database): Owners => {
  const readProfiles = createSharedRead<{ call: Call; ids: readonly bigint[] }, ReadonlyMap<bigint, bigint>>(db, async (reads, abort) => {
    const ids = [...new Set(reads.flatMap((read) => read.ids))].map(String);
    const { rows } = await sql<{ id: bigint; account_id: bigint }>`
      select id, account_id from user_profile where id = any(${ids}::bigint[])`.execute(db.sql, abort);
    const accounts = new Map(rows.map(({ id, account_id }) => [id, account_id]));
    return reads.map(() => accounts);
  });
  return async (call, targets) => {
    const ids = targets.flatMap((target) => (target.case === "ownerProfileId" ? [target.value] : []));
    const refs = targets.flatMap((target) => (target.case === "resource" ? [target.value] : []));
    const [accounts, resources] = await Promise.all([
      ids.length === 0 ? undefined : readProfiles({ call, ids }),
      findResources(db.sql, refs, db.abort(call)),
    ]);
    const found = resources.values();
    return targets.map((target) => {
      if (target.case === "resource") return ownerOfResource(found.next().value);
      const profileId = target.value ?? 0n;
      const accountId = accounts?.get(profileId);
      return accountId === undefined ? undefined : { profileId, accountId };
    });
  };
};
