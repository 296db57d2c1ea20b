import { Migration } from "@mikro-orm/migrations";

export class ImportOrigins extends Migration {
  override name = "20261120170000-import-origins";

  override async up(): Promise<void> {
    this.addSql(
      `create table "import_origin" ("kind" varchar(16) collate "C" not null, "pk" bigint not null, "name_hash" varchar(64) collate "C" not null, "id" bigint not null, primary key ("kind", "pk", "name_hash"));`,
    );
  }
}
