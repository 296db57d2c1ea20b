import { Migration } from "@mikro-orm/migrations";

/**
 * The migration after which answers that are kept for repeated requests are erased with the persons that they are about. The version before writes
 * none of the columns: its answers end with their time.
 */
export class ErasableAnswers extends Migration {
  override name = "20261130023000-erasable-answers";

  override up(): void {
    this.addSql(
      `alter table "idempotency" add column "subjects" text[] not null default '{}', add column "is_erased" boolean not null default false;`,
    );
    this.addSql(`create index idempotency_subject_index on idempotency using gin (subjects);`);
  }
}
