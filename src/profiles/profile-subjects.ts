import { type SqlBool, sql } from "kysely";
import { accountSubject, type Subject, userSubject } from "../cache/subject.ts";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";

/** The users and accounts of profiles, which never change; those of unknown profiles are none. */
export const subjectsOfProfiles = async (db: Database, call: Call, profileIds: readonly bigint[]): Promise<readonly Subject[]> => {
  const rows = await db.sql
    .selectFrom("user_profile")
    .select(["user_id", "account_id"])
    .where(sql<SqlBool>`id = any(${profileIds.map(String)}::bigint[])`)
    .execute(db.abort(call));
  const accounts = new Set(rows.map(({ account_id }) => account_id));
  const users = new Set(rows.map(({ user_id }) => user_id));
  return [...[...accounts].map(accountSubject), ...[...users].map(userSubject)];
};
