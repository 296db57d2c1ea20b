import { Migration } from "@mikro-orm/migrations";
import { logging } from "./option-writes/logging.ts";
import { settingOption } from "./option-writes/set-option.ts";

/**
 * The migration that makes the write of an option one statement. It changes no table and no row; to replace a trigger of aggregate_version it waits for
 * writes in progress. Services of the version before go on.
 */
export class OptionWrites extends Migration {
  override name = "20261130020000-option-writes";

  override up(): void {
    for (const statement of [...logging, settingOption]) this.addSql(statement);
  }
}
