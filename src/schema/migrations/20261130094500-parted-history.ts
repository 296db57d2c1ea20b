import { Migration } from "@mikro-orm/migrations";

/** The trigger that notes who has parted from an option of a scope. It asks nothing of writes that leave the user of an option alone. */
const noting = [
  `create function note_parted_history() returns trigger language plpgsql as $$
    begin
      insert into parted_history (user_id, scope_kind, scope_id) values (old.user_id, old.scope_kind, old.scope_id) on conflict do nothing;
      return null;
    end $$`,
  `create trigger user_option_parted after update of user_id on user_option
    for each row when (old.user_id <> new.user_id and old.scope_kind > 0) execute function note_parted_history()`,
];

/**
 * The migration after which a purge finds by its scope whose history of options has stayed when a merge, or its undoing, moved them. A trigger notes
 * them, also of merges by the version before. Writes of options wait while those of earlier merges are noted.
 */
export class PartedHistory extends Migration {
  override name = "20261130094500-parted-history";

  override up(): void {
    this.addSql(
      `create table "parted_history" ("user_id" bigint not null, "scope_kind" smallint not null, "scope_id" bigint not null, primary key ("user_id", "scope_kind", "scope_id"));`,
    );
    this.addSql(`create index "parted_history_scope_index" on "parted_history" ("scope_kind", "scope_id", "user_id");`);
    this.addSql(
      `alter table "parted_history" add constraint "parted_history_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`,
    );
    for (const statement of noting) this.addSql(statement);
    this.addSql(
      `insert into parted_history (user_id, scope_kind, scope_id)
        select distinct r.user_id, r.scope_kind, r.scope_id from (
          select id as user_id from users where merged_into_user_id is not null
          union
          select m.target_user_id from user_merge m join users u on u.id = m.target_user_id where m.undo_time is not null
        ) p join option_revision r using (user_id) where r.scope_kind > 0;`,
    );
  }
}
