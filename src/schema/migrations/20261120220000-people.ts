import { Migration } from "@mikro-orm/migrations";

export class People extends Migration {
  override name = "20261120220000-people";

  override async up(): Promise<void> {
    this.addSql(`alter table "identity_provider" add "version" int not null default 1;`);
    this.addSql(`alter table "auth_provider" add "version" int not null default 1;`);

    this.addSql(`alter table "organization_member" add "invite_expire_time" timestamptz(3) null;`);
    this.addSql(
      `alter table "organization_member" add constraint "organization_member_invitations_expire" check (invite_expire_time is null or user_id is null);`,
    );
    this.addSql(`select track_changes('organization_member', '''organization''', 'r.organization_id', 'r.id');`);
    // Whoever is invited now has as long as whoever is invited from now on, where nobody has said otherwise.
    this.addSql(
      `update organization_member set invite_expire_time = now() + interval '30 days', version = version + 1 where user_id is null;`,
    );

    this.addSql(`create index users_app_index on users (id) where is_app;`);
    this.addSql(`create index users_suspended_index on users (id) where is_suspended;`);
  }
}
