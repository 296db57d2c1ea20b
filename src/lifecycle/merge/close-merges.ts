import { sql } from "kysely";
import { inTransaction } from "../../db/in-transaction.ts";
import type { Database } from "../../db/orm.ts";

/** The most merges that one transaction closes. */
const BATCH = 50;

/**
 * Closes the merges whose grace period is over: removes what lost in them, and what the sources still have, but for the names by which they lead
 * to their targets. Several processes share the work.
 */
export const closeMerges = async (db: Database): Promise<void> => {
  for (let closed = BATCH; closed === BATCH; ) {
    closed = await inTransaction(db, "userd purger", async (tx) => {
      const merges = await tx.rows(sql<{ id: string; user_id: string }>`
        select m.id::text, m.user_id::text from user_merge m join aggregate_version s on s.kind = 'user' and s.id = m.user_id
        where m.expire_time <= now() and m.close_time is null and not exists (select from merge_part p where p.merge_id = m.id) order by m.user_id limit ${BATCH} for update of s skip locked`);
      const ids = merges.map(({ id }) => id);
      const users = merges.map((merge) => merge.user_id);
      await tx.rows(sql`delete from merge_move where merge_id = any(${ids}::bigint[])`);
      await tx.rows(sql`delete from merge_discard where merge_id = any(${ids}::bigint[])`);
      await tx.rows(sql`delete from option_revision where user_id = any(${users}::bigint[])`);
      await tx.rows(sql`delete from parted_history where user_id = any(${users}::bigint[])`);
      await tx.rows(sql`
        update users set name = '', name_canonical = '', password = '!', session_nonce = null, avatar_type = 0, avatar_url = null, version = version + 1
        where id = any(${users}::bigint[])`);
      await tx.rows(sql`update user_merge set close_time = now() where id = any(${ids}::bigint[])`);
      return merges.length;
    });
  }
};
