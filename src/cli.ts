import { Command } from "commander";
import { auditCommand } from "./cli/audit.ts";
import { endWithSentences } from "./cli/endings.ts";
import { ExitCode, exitCodesHelp } from "./cli/exit.ts";
import { exportCommand } from "./cli/export.ts";
import { importCommand } from "./cli/import.ts";
import { kindsCommand } from "./cli/kinds.ts";
import { migrateCommand } from "./cli/migrate.ts";
import { namesCommand } from "./cli/names.ts";
import { optionsCommand } from "./cli/options.ts";
import { purgeCommand } from "./cli/purge.ts";
import { receiptCommand } from "./cli/receipt.ts";
import { serveCommand } from "./cli/serve.ts";
import { usersCommand } from "./cli/users.ts";
import { watchCommand } from "./cli/watch.ts";
import { version } from "./version.ts";

const program = new Command("userd")
  .description("The users and preferences service.")
  .version(version)
  .addCommand(serveCommand())
  .addCommand(migrateCommand())
  .addCommand(importCommand())
  .addCommand(exportCommand())
  .addCommand(kindsCommand())
  .addCommand(namesCommand())
  .addCommand(usersCommand())
  .addCommand(optionsCommand())
  .addCommand(purgeCommand())
  .addCommand(receiptCommand())
  .addCommand(watchCommand())
  .addCommand(auditCommand())
  .addHelpText("after", `\nSettings come from the environment; docs/reference.md has the table.\n\n${exitCodesHelp}`);

// Commander ends with 1 on wrong usage; scripts tell that from a failure by 2.
const endUsage = (command: Command): void => {
  command.showHelpAfterError("(--help shows the options)");
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : ExitCode.USAGE));
  command.commands.forEach(endUsage);
};
endUsage(program);
endWithSentences();

try {
  await program.parseAsync();
} catch (error) {
  // Loaded when needed: it knows the errors of all commands.
  const { exitCodeOf, explain } = await import("./cli/explain.ts");
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
