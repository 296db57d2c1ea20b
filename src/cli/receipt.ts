import { Command } from "commander";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd receipt …`, which checks receipts of erasures and prints the public key that they are checked by. */
export const receiptCommand = (): Command =>
  new Command("receipt")
    .description("Check receipts of erasures.")
    .addCommand(
      new Command("key")
        .description("Print the public key of the settings (SECRET_KEY or ERASURE_KEY), in base64.")
        .action(whenRun(() => import("./receipt-key.ts"))),
    )
    .addCommand(
      new Command("verify")
        .description("Check that a receipt was signed by the key, and not changed since; exit code 1 when not.")
        .argument(
          "<file>",
          "the receipt: the JSON of the answer of PurgeUser, of another purge or of ListErasures, or of the receipt in it",
        )
        .option("--public-key <base64>", "the key to trust, as `userd receipt key` prints it; default: that of the settings")
        .option("--user <id>", "check also that the receipt is about the user with this id, which needs the settings")
        .option("--organization <id>", "the same for an organization")
        .option("--project <id>", "the same for a project")
        .option("--team <id>", "the same for a team")
        .option("--account <id>", "the same for an account")
        .action(whenRun(() => import("./receipt-verify.ts"))),
    );
