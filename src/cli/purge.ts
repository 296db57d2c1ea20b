import { Command } from "commander";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd purge`, which erases again who had been erased when a backup was restored. */
export const purgeCommand = (): Command =>
  new Command("purge")
    .description("Erase again, after a backup was restored, the users whose erasures the ledger has.")
    .requiredOption("--replay", "read the ledger and erase whom it names")
    .option("--ledger <file>", "the ledger; default: ERASURE_LEDGER")
    .option("--dry-run", "say how many would be erased")
    .action(whenRun(() => import("./purge-replay.ts")));
