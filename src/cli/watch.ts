import { Command } from "commander";
import { withClientOptions } from "./client-options.ts";
import { whenRun } from "./when-run.ts";

const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Makes the command `userd watch`, which prints the changes of a running service as they happen. */
export const watchCommand = (): Command =>
  withClientOptions(new Command("watch").description("Print the changes of a running service as they happen, a line each."))
    .option("--from <position>", "go on behind a position, or from `earliest`; default: now")
    .option("--user <user>", "only changes of this user and what belongs to it; may be given several times", several)
    .option("--kind <kind>", "only changes of resources of this kind, for example user_option; may be given several times", several)
    .option("--json", "print JSON lines, with positions")
    .action(whenRun(() => import("./watch-changes.ts")));
