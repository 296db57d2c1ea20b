/**
 * Writes the difference between the entities and the last snapshot as a new migration. Read it, add what the generator
 * can't know (triggers of new tables: `select track_changes(…)`), and list it in src/schema/migrations/index.ts.
 *
 * Run: npm run migration:create -- NAME
 */
import { Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/pglite";
import { ormOptions } from "../src/db/orm.ts";

const [name = "change"] = process.argv.slice(2);
const orm = await MikroORM.init({ ...ormOptions, dbName: "memory://", extensions: [Migrator] });
const { fileName } = await orm.migrator.create(undefined, false, false, name);
await orm.close();
process.stdout.write(fileName === "" ? "The entities match the snapshot: nothing to do.\n" : `${fileName}\n`);
