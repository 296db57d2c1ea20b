import { Migration } from "@mikro-orm/migrations";
import { audited } from "./audit/audited.ts";
import { beginning } from "./cheaper-writes/beginning.ts";
import { revisions } from "./cheaper-writes/revisions.ts";
import { tracking } from "./cheaper-writes/tracking.ts";
import { tracked } from "./initial/tracked.ts";

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The parameters of the tables of initial/tracked.ts: for some, those of the migration after it. */
const latest = tracked.map((row) => audited.find(([table]) => table === row[0]) ?? row);

/**
 * The migration that makes writes cheaper: it replaces functions, and no table, trigger or row. So it waits for no write in progress, and
 * services of the version before go on.
 */
export class CheaperWrites extends Migration {
  override name = "20261129193000-cheaper-writes";

  override up(): void {
    this.addSql("drop function track_changes(regclass, text, text, text, text[], text[])");
    for (const statement of [...beginning, ...tracking, ...revisions]) this.addSql(statement);
    for (const row of latest) this.addSql(`select write_tracking_function(${row.map(literal).join(", ")})`);
  }
}
