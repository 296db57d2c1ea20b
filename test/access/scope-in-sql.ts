import { sql } from "kysely";
import type { Database } from "../../src/db/orm.ts";
import type { GetAccessScopeResponse } from "../../src/gen/userd/v1/access_pb.ts";

/** A table as another service has it: things, each with its owner. */
export const createThings = async (db: Database): Promise<void> => {
  await sql`create table if not exists things (owner_profile_id bigint not null, owner_account_id bigint not null)`.execute(db.sql);
  await sql`delete from things`.execute(db.sql);
  await sql`insert into things select id, account_id from user_profile`.execute(db.sql);
};

/** The owners of the things that a scope lets somebody see, as a service asks for them. */
export const ownersInScope = async (db: Database, { scope }: Pick<GetAccessScopeResponse, "scope">): Promise<bigint[]> => {
  if (scope.case === undefined) throw new Error("A scope is always something.");
  const { profileIds, accountIds } = scope.case === "set" ? scope.value : { profileIds: [], accountIds: [] };
  const { rows } = await sql<{ owner_profile_id: bigint }>`
    select owner_profile_id from things where ${scope.case}::text = 'all' or (${scope.case}::text = 'set' and (
      owner_profile_id = any(${profileIds.map(String)}::bigint[]) or owner_account_id = any(${accountIds.map(String)}::bigint[])))
    order by 1`.execute(db.sql);
  return rows.map((row) => row.owner_profile_id);
};
