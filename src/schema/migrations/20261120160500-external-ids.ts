import { Migration } from "@mikro-orm/migrations";

export class ExternalIds extends Migration {
  override name = "20261120160500-external-ids";

  override async up(): Promise<void> {
    this.addSql(`alter table "users" add "external_id" varchar(200) collate "C" null;`);
    this.addSql(`create unique index users_external_id_key on users (external_id) where external_id is not null;`);
    this.addSql(`alter table "users" add constraint "users_external_id_not_empty" check (external_id <> '');`);
    this.addSql(`select track_changes('users', '''user''', 'r.id', 'r.id');`);
  }
}
