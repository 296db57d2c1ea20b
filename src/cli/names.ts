import { Command } from "commander";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd names …`, which checks or recomputes stored canonical forms that this version would make differently. */
export const namesCommand = (): Command =>
  new Command("names")
    .description("Recompute the form in which names and addresses are compared, after an upgrade that changes it.")
    .addCommand(
      new Command("check")
        .description("Say how many would change, and which would then be equal; exit code 3 when any would, 1 when only some would change.")
        .option("--json", "print JSON")
        .action(whenRun(() => import("./names-check.ts"))),
    )
    .addCommand(
      new Command("apply")
        .description("Change them, in batches, beside a running service; nothing is changed when names would be equal (exit code 3).")
        .option("--json", "print JSON")
        .action(whenRun(() => import("./names-apply.ts"))),
    );
