import { Migration } from "@mikro-orm/migrations";
import { storingOption } from "./lean-option-writes/store-option.ts";

/** The migration that makes a change of an option cheaper. It adds a function, which the version before does not call. */
export class LeanOptionWrites extends Migration {
  override name = "20261130093000-lean-option-writes";

  override up(): void {
    this.addSql(storingOption);
  }
}
