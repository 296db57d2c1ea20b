import { sql } from "kysely";
import type { Database } from "../../src/db/orm.ts";

/** Deletes a user softly, as the database sees it. */
export const deleteSoftly = async (db: Database, userId: bigint): Promise<void> => {
  await sql`update users set delete_time = now(), purge_time = now() + interval '30 days' where id = ${userId}`.execute(db.sql);
};
