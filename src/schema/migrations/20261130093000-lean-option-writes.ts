import { Migration } from "@mikro-orm/migrations";
import { storingOption } from "./lean-option-writes/store-option.ts";
import { storingOptions } from "./lean-option-writes/store-options.ts";

/** The migration that makes changes of options cheaper. It adds two functions, which the version before does not call. */
export class LeanOptionWrites extends Migration {
  override name = "20261130093000-lean-option-writes";

  override up(): void {
    this.addSql(storingOption);
    this.addSql(storingOptions);
  }
}
