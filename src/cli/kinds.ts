import { Command } from "commander";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd kinds` with its subcommands, for the kinds that the setting KINDS names. */
export const kindsCommand = (): Command =>
  new Command("kinds")
    .description("Show and apply the kinds that KINDS names (docs/kinds.md).")
    .addCommand(
      new Command("list")
        .description("List the kinds that are served: service, kind, RPCs, table, and where they are from.")
        .action(whenRun(() => import("./kinds-list.ts"))),
    )
    .addCommand(
      new Command("image")
        .description("Write the descriptor set of the mounted kinds with their services, which `buf generate` takes.")
        .option("--out <file>", "the file to write", "-")
        .action(whenRun(() => import("./kinds-image.ts"))),
    )
    .addCommand(
      new Command("plan").description("Show what `apply` would change in the database.").action(whenRun(() => import("./kinds-plan.ts"))),
    )
    .addCommand(
      new Command("apply")
        .description("Make the tables of the mounted kinds what their messages say.")
        .action(whenRun(() => import("./kinds-apply.ts"))),
    );
