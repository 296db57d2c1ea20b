import { Migration } from "@mikro-orm/migrations";
import { storingOptionsOfUsers } from "./options-together/store-options-of-users.ts";

/** The migration that lets changes of options of several users be one statement. It adds a function, which the version before does not call. */
export class OptionsTogether extends Migration {
  override name = "20261130124500-options-together";

  override up(): void {
    this.addSql(storingOptionsOfUsers);
  }
}
