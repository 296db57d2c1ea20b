import { Migration } from "@mikro-orm/migrations";

export class Sizes extends Migration {
  override name = "20261120200000-sizes";

  override up(): void | Promise<void> {
    this.addSql(`alter table "scope_option" add "bytes" int generated always as (octet_length(value::text)) stored not null;`);
    this.addSql(`alter table "user_option" add "bytes" int generated always as (octet_length(value::text)) stored not null;`);

    this.addSql(`create index user_profile_tag_index on user_profile using gin (tag_handles);`);
    this.addSql(`create index account_tag_index on account using gin (tag_handles);`);
    this.addSql(trigramIndexes);
  }
}

/** Where the server has no pg_trgm, the filters that these serve look at every profile (see 20261120110000-search-lines.ts). */
const trigramIndexes = `do $$
  declare
    operators text;
  begin
    select quote_ident(n.nspname) || '.gin_trgm_ops' into operators
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
    if operators is not null then
      execute format('create index user_profile_text_index on user_profile using gin (name %1$s, description %1$s)', operators);
      execute format('create index account_name_index on account using gin (name %s)', operators);
    end if;
  end $$`;
