import { Migration } from "@mikro-orm/migrations";

/**
 * The migration after which a purge finds the history of options that were deleted in its scopes before: by their deletions, which the version before
 * keeps, too.
 */
export class FoundHistory extends Migration {
  override name = "20261130045044-found-history";

  override up(): void {
    this.addSql(
      `create index option_revision_deletion_index on option_revision (scope_kind, scope_id, user_id) where scope_kind > 0 and value is null;`,
    );
  }
}
