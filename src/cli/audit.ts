import { Command } from "commander";
import { whenRun } from "./when-run.ts";

/** Makes the command `userd audit …`, which looks whether the audit trail is as it was written. */
export const auditCommand = (): Command =>
  new Command("audit").description("Look whether the audit trail is as it was written.").addCommand(
    new Command("verify")
      .description("Compare the audit trail with its chain (AUDIT_CHAIN), and name the first position that does not fit; exit code 1 then.")
      .option("--json", "print JSON")
      .action(whenRun(() => import("./audit-verify.ts"))),
  );
