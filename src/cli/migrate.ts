import { Command } from "commander";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd migrate`, which brings the database's schema up to date. */
export const migrateCommand = (): Command =>
  new Command("migrate")
    .description("Bring the database's schema up to date; serve does it too, unless told not to.")
    .action(whenRun(() => import("./migrate-database.ts")));
