import { Command, Option } from "commander";
import { STDIN } from "../import/source.ts";
import { onConflicts } from "../import/transaction.ts";
import { exitCodesHelp } from "./exit.ts";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd import`, which imports the users of a Sentry export or a Django dump, all of the file or nothing. */
export const importCommand = (): Command =>
  new Command("import")
    .description(
      "Import an export of Sentry or Django's dumpdata (JSON, JSON lines, XML, YAML) or userd's own lines, also with gzip: all of it or nothing. The service must not run on an embedded database.",
    )
    .argument("<file>", `the export; ${STDIN} for standard input`)
    .option("--dry-run", "do everything but store it")
    .addOption(
      new Option(
        "--on-conflict <what>",
        "records whose id or name belongs to somebody else here: store nothing, leave them out, give them new ids, or join users to the accounts of that name",
      )
        .choices(onConflicts)
        .default("fail"),
    )
    .addOption(
      new Option(
        "--ids <which>",
        "whether records keep the ids of the file, or get new ones: UUIDs and other keys that are no integers need new ones",
      )
        .choices(["keep", "new"])
        .default("keep"),
    )
    .option("--user-model <model>", "the model that holds the users, where the file has several that could, such as users.user")
    .option("--overwrite", "let the file win over what is here, also where it is not known to be newer")
    .option("--map <file>", "where --ids=new and --on-conflict=remap or merge write the new ids (default: FILE.map.json)")
    .option("--list <file>", "where to write all that was skipped or noted, a line of JSON each: the report names the first of each reason")
    .option("--into-empty", "read an export of userd into an empty database, with all ids and versions")
    .option("--json", "print the report as JSON")
    .addHelpText("after", `\n${exitCodesHelp}\n\nWith 2, 3, 4, 130 and 143 nothing was stored.`)
    .action(whenRun(() => import("./import-file.ts")));
