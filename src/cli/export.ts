import { Command, Option } from "commander";
import { withClientOptions } from "./client-options.ts";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd export`, which writes what is held about a user, or everything. */
export const exportCommand = (): Command =>
  withClientOptions(
    new Command("export")
      .description(
        "Write all that is held about one user, asked of a running service, or an organization or everything, read from the database itself, of one moment. `userd import --into-empty` reads it back.",
      )
      .option("--user <id>", "the user, by its id")
      .option("--organization <id>", "an organization with all that belongs to it, by its id")
      .option("--all", "everything that the database of the settings has")
      .option("--resumable", "with --all and --output: the users one after the other, each of one moment; run it again to go on")
      .addOption(
        new Option("--format <format>", "sentry, of --all alone: what Sentry's own importer reads; docs/import.md says what it leaves out")
          .choices(["userd", "sentry"])
          .default("userd"),
      )
      .option("--secrets", "also password hashes, second factors and sealed values, which stay encrypted with SECRET_KEY")
      .option("-o, --output <file>", "where to write it; default: standard output"),
  ).action(whenRun(() => import("./export-file.ts")));
