import { Migration } from "@mikro-orm/migrations";
import { canonicalName } from "../../names/canonical.ts";
import { searchLines, trigramIndex } from "./20261120110000-search-lines.ts";

export class Lists extends Migration {
  override name = "20261120110000-lists";

  override async up(): Promise<void> {
    this.addSql(`create table "user_search" ("user_id" bigint not null, "lines" text collate "C" not null, primary key ("user_id"));`);
    this.addSql(
      `alter table "user_search" add constraint "user_search_user_id_foreign" foreign key ("user_id") references "users" ("id") on update cascade on delete cascade;`,
    );
    this.addSql(`create index changes_acting_user_index on changes (acting_user_id, id) where acting_user_id is not null;`);
    this.addSql(`create index changes_time_index on changes using brin (change_time);`);
    this.addSql(`alter table "users" add "name_handle" varchar(600) collate "C" not null default '';`);
    this.addSql(`create index "users_date_joined_index" on "users" ("date_joined", "id");`);

    // The column is not part of what callers see: filling it is no change of a user.
    const named = (await this.execute(`select id::text, name from users where name ~ '[^ -~]'`)) as { id: string; name: string }[];
    const folded = JSON.stringify(named.map(({ id, name }) => ({ id, handle: canonicalName(name) })));
    this.addSql(`alter table users disable trigger users_updated;`);
    this.addSql(`update users set name_handle = lower(name) where name <> '';`);
    this.addSql(
      `update users u set name_handle = f.handle from jsonb_to_recordset('${folded.replaceAll("'", "''")}') as f (id bigint, handle text) where f.id = u.id;`,
    );
    this.addSql(`alter table users enable trigger users_updated;`);
    this.addSql(`select track_changes('users', '''user''', 'r.id', 'r.id');`);

    for (const statement of searchLines) this.addSql(statement);
    this.addSql(`insert into user_search (user_id, lines) select u.id, user_search_lines(u) from users u;`);
    this.addSql(trigramIndex);
  }
}
