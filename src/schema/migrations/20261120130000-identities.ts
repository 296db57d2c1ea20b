import { Migration } from "@mikro-orm/migrations";

export class Identities extends Migration {
  override name = "20261120130000-identities";

  override async up(): Promise<void> {
    this.addSql(
      `alter table "auth_provider" add "default_role" int null, add "default_global_access" boolean not null default false, add "flags" bigint not null default 0;`,
    );

    this.addSql(`alter table "identity" add "scopes" text[] not null default '{}', add "status" smallint not null default 0;`);
    this.addSql(`alter table "identity" add constraint "identity_status_known" check (status >= 0 and status <= 2);`);

    this.addSql(`alter table "auth_identity" add "sync_time" timestamptz(3) null;`);

    this.addSql(`select track_changes('identity', '''user''', 'r.user_id', 'r.provider_id');`);
    this.addSql(`select track_changes('auth_provider', '''organization''', 'r.organization_id', 'r.id');`);
    this.addSql(`select track_changes('auth_identity', '''user''', 'r.user_id', 'r.provider_id');`);
  }
}
