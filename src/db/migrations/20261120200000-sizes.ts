import { Migration } from "@mikro-orm/migrations";

export class Sizes extends Migration {
  override name = "20261120200000-sizes";

  override up(): void | Promise<void> {
    this.addSql(`alter table "scope_option" add "bytes" int generated always as (octet_length(value::text)) stored not null;`);
    this.addSql(`alter table "user_option" add "bytes" int generated always as (octet_length(value::text)) stored not null;`);
  }
}
