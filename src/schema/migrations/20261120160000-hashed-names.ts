import { Migration } from "@mikro-orm/migrations";

export class HashedNames extends Migration {
  override name = "20261120160000-hashed-names";

  override async up(): Promise<void> {
    this.addSql(`drop index "user_email_handle_index";`);
    this.addSql(`create index user_email_address_index on user_email using hash (email_handle);`);
    this.addSql(`create index handle_name_index on handle using hash (name);`);
  }
}
