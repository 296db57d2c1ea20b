import { Migration } from "@mikro-orm/migrations";
import { beginning } from "./cheaper-writes/beginning.ts";
import { revisions } from "./cheaper-writes/revisions.ts";
import { tracking } from "./cheaper-writes/tracking.ts";
import { tracked } from "./initial/tracked.ts";

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * The migration that makes writes cheaper: it replaces functions, and no table, trigger or row. So it waits for no write in progress, and
 * services of the version before go on.
 */
export class CheaperWrites extends Migration {
  override name = "20261129183000-cheaper-writes";

  override up(): void {
    for (const statement of [...beginning, ...tracking, ...revisions]) this.addSql(statement);
    for (const row of tracked) this.addSql(`select write_tracking_function(${row.map(literal).join(", ")})`);
  }
}
