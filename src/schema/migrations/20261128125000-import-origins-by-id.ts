import { Migration } from "@mikro-orm/migrations";

export class ImportOriginsById extends Migration {
  override name = "20261128125000-import-origins-by-id";

  override async up(): Promise<void> {
    // A purge looks for what it removes.
    this.addSql(`create index import_origin_id_idx on import_origin (kind, id);`);
  }
}
