import { Migration } from "@mikro-orm/migrations";
import { membersWithValues } from "./audit/members.ts";

/** The migration that gives the change log values, reasons and projects, and an index for each of its filters. */
export class Audit extends Migration {
  override name = "20261129190000-audit";

  override up(): void {
    this.addSql(
      `alter table "changes" add "changed" jsonb null, add "project_id" bigint null, add "reason" varchar(256) collate "C" null default NULLIF(current_setting('userd.reason'::text, true), ''::text);`,
    );
    this.addSql(`create index "changes_kind_index" on "changes" ("kind", "operation", "id");`);
    this.addSql(`create index "changes_caller_index" on "changes" ("caller", "id");`);
    this.addSql(`create index changes_project_index on changes (project_id, id) where project_id is not null;`);
    this.addSql(`create index changes_milestone_index on changes (id, change_time) where ((id % 1024) = 0);`);
    this.addSql(membersWithValues);
  }
}
