import { Migration } from "@mikro-orm/migrations";

/** The migration after which a purge of a scope finds by an index the options there that have lost in merges. */
export class LostOptions extends Migration {
  override name = "20261130095500-lost-options";

  override up(): void {
    this.addSql(
      `create index merge_discard_scope_index on merge_discard ((("row" ->> 'scope_kind')::smallint), (("row" ->> 'scope_id')::bigint)) where table_name = 'user_option';`,
    );
  }
}
