import { Migration } from "@mikro-orm/migrations";

/** The migration that adds the chain of the change log. */
export class AuditChain extends Migration {
  override name = "20261129194000-audit-chain";

  override up(): void {
    this.addSql(
      `create table "audit_chain" ("position" bigint not null, "positions" bigint[] not null, "change_ids" bigint[] not null, "tags" bytea not null, "mac" bytea not null, "create_time" timestamptz(3) not null default now(), primary key ("position"));`,
    );
  }
}
