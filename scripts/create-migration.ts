/**
 * Writes the difference between the entities and the last snapshot as a new migration, in the form of those that are there: tables
 * that the change log follows get their triggers anew. Read it, settle what it marks with TODO, and list it in
 * src/schema/migrations/index.ts.
 *
 * Run: npm run migration:create -- NAME
 */
import { globSync, readFileSync } from "node:fs";
import { Migrator, TSMigrationGenerator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/pglite";
import { ormOptions } from "../src/db/orm.ts";
import { tracked } from "../src/schema/migrations/initial/tracked.ts";

const [name = "change"] = process.argv.slice(2);

const inTemplate = (statement: string): string => `    this.addSql(\`${statement.replace(/[`$\\]/g, "\\$&")}\`);`;

/** The tables that statements of one kind name. */
const tablesIn = (statements: readonly string[], kind: "alter" | "create"): string[] => [
  ...new Set(statements.flatMap((statement) => new RegExp(`^${kind} table "(\\w+)"`).exec(statement)?.[1] ?? [])),
];

/** The statements by which migrations after the first one gave tables their triggers, as they stand in the files. */
const trackedSince = globSync("src/schema/migrations/*.ts")
  .toSorted()
  .flatMap((path) => readFileSync(path, "utf8").match(/select track_changes\('\w+', .*\)(?=`)/g) ?? []);

/** The statement that gives a table its triggers; undefined if the change log does not follow it. */
const tracking = (table: string): string | undefined => {
  const later = trackedSince.findLast((statement) => statement.startsWith(`select track_changes('${table}',`));
  const first = tracked.find(([followed]) => followed === table);
  if (later !== undefined || first === undefined) return later;
  return `select track_changes(${first.map((text) => `'${text.replaceAll("'", "''")}'`).join(", ")})`;
};

/** Writes a migration as this repository has them: without a way back, which no database that was written to since could take. */
class Generator extends TSMigrationGenerator {
  override generateMigrationFile(ormsName: string, { up }: { up: string[]; down: string[] }): string {
    const statements = up.filter((statement) => statement !== "");
    const triggers = tablesIn(statements, "alter").flatMap((table) => {
      const statement = tracking(table);
      return statement === undefined ? [] : [inTemplate(statement)];
    });
    const created = tablesIn(statements, "create").map(
      (table) =>
        `    // TODO: if answers show its rows, select track_changes('${table}', KIND, ID, KEY) as initial/tracked.ts says; else name it in test/schema/change-log.test.ts.`,
    );
    const className = `${name.charAt(0).toUpperCase()}${name.slice(1).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}`;
    return `import { Migration } from "@mikro-orm/migrations";

export class ${className} extends Migration {
  override name = "${/\d+/.exec(ormsName)?.[0]}-${name}";

  override up(): void {
${[...statements.map(inTemplate), ...triggers, ...created].join("\n")}
  }
}
`;
  }
}

const orm = await MikroORM.init({
  ...ormOptions,
  migrations: { ...ormOptions.migrations, generator: Generator },
  dbName: "memory://",
  extensions: [Migrator],
});
const { fileName } = await orm.migrator.create(undefined, false, false, name);
await orm.close();
process.stdout.write(fileName === "" ? "The entities match the snapshot: nothing to do.\n" : `${fileName}\n`);
