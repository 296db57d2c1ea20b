import { Migration } from "@mikro-orm/migrations";
import { partitioned } from "./feed/partitions.ts";
import { tables } from "./feed/tables.ts";

/** The migration that adds the feed: its tables, the log of bumps, and the change log as a table that is partitioned by month. */
export class Feed extends Migration {
  override name = "20261129180000-feed";

  override up(): void {
    for (const statement of [...partitioned, ...tables]) this.addSql(statement);
  }
}
