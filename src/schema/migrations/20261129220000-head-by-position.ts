import { Migration } from "@mikro-orm/migrations";

/** The head by its index, also where a plan is made while the table is small, and kept when it is no longer. */
const byIndex = "select * from feed_head where position >= (select max(position) from feed_head) order by position desc limit 1";

/**
 * The migration that has the head of the feed found by an index on its position. Each pass moves it; while a transaction is open, PostgreSQL keeps
 * all versions of the row, and whoever looks through the table reads more with each pass. Services of the version before do so, and go on.
 */
export class HeadByPosition extends Migration {
  override name = "20261129220000-head-by-position";

  override up(): void {
    this.addSql(`alter table "feed_head" drop constraint "feed_head_pkey", add primary key ("position");`);
    this.addSql(`create function current_feed_head() returns setof feed_head
      language plpgsql stable rows 1 set enable_seqscan = off
      as $$ begin return query ${byIndex}; end $$`);
    this.addSql(`create function move_feed_head(
        to_epoch text, to_position bigint, shown pg_snapshot, last_id bigint, last_id_before bigint, shown_pending pg_snapshot, last_pending_id bigint
      ) returns void
      language plpgsql set enable_seqscan = off
      as $$
      begin
        update feed_head set epoch = to_epoch, position = to_position, snapshot = shown, time = transaction_timestamp(), change_id = last_id,
            floor_id = last_id_before, pending_snapshot = shown_pending, pending_id = last_pending_id
          where position = (select max(position) from feed_head);
      end $$`);
    this.addSql(`create function lock_feed_head() returns setof feed_head
      language plpgsql rows 1 set enable_seqscan = off
      as $$ begin return query ${byIndex} for update skip locked; end $$`);
  }
}
