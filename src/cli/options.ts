import { Command, Option } from "commander";
import { userArgument, withClientOptions } from "./client-options.ts";
import { withScope } from "./scope-options.ts";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd options …`: its subcommands read and write options, as clients of a running service. */
export const optionsCommand = (): Command =>
  new Command("options")
    .description("Read, write and explain the options of users, and check and use their definitions.")
    .addCommand(
      withScope(new Command("get").description("Print the value of one option as JSON; exit code 4 when nothing is stored."))
        .argument(...userArgument)
        .argument("<key>")
        .action(whenRun(() => import("./options-get.ts"))),
    )
    .addCommand(
      withScope(new Command("set").description("Store one option."))
        .argument(...userArgument)
        .argument("<key>")
        .argument("<value>", "JSON, or plain text")
        .action(whenRun(() => import("./options-set.ts"))),
    )
    .addCommand(
      withScope(new Command("list").description("List the options of one scope, or of all."))
        .argument(...userArgument)
        .option("--json", "print JSON")
        .action(whenRun(() => import("./options-list.ts"))),
    )
    .addCommand(
      withScope(
        new Command("resolve").description("Show what options effectively are; without keys, all that have a definition or a value."),
      )
        .argument(...userArgument)
        .argument("[key...]")
        .option("--explain", "say in a sentence where each value comes from, and what it would be otherwise")
        .option("--json", "print JSON")
        .action(whenRun(() => import("./options-resolve.ts"))),
    )
    .addCommand(
      withClientOptions(
        new Command("check").description(
          "List the stored options of users that do not fit their definitions; exit code 1 when there are any.",
        ),
      ).action(whenRun(() => import("./options-check.ts"))),
    )
    .addCommand(
      withClientOptions(new Command("codegen").description("Generate typed accessors from the definitions of the service, or of a file."))
        .addOption(new Option("--lang <language>", "the language").choices(["ts", "go", "python"]).makeOptionMandatory())
        .requiredOption("--out <folder>", "where the file goes")
        .option("--definitions <file>", "a registry file, instead of the running service")
        .option("--go-import <path>", "import path of the Go code of userd.v1", "userd/gen/userd/v1")
        .action(whenRun(() => import("./options-codegen.ts"))),
    );
