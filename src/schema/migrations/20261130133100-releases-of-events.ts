import { Migration } from "@mikro-orm/migrations";

/** The migration after which an event names the release that it has happened in. The version before leaves the column empty. */
export class ReleasesOfEvents extends Migration {
  override name = "20261130133100-releases-of-events";

  override up(): void {
    this.addSql(`alter table "event" add "release_id" bigint null;`);
  }
}
