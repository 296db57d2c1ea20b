import { Command } from "commander";
import { wholeNumber } from "./whole-number.ts";

type ServeOptions = { readonly migrate: boolean; readonly import?: string; readonly insecure?: true; readonly workers?: number };

/** As the setting WORKERS has it, which would load all settings. */
const MAX_WORKERS = 64;

/** Makes the command `userd serve`, which runs the service until SIGTERM or SIGINT. */
export const serveCommand = (): Command =>
  new Command("serve")
    .description("Run the service until SIGTERM or SIGINT.")
    .option("--no-migrate", "do not migrate; fail when a migration is pending")
    .option("--import <file>", "import an export before serving (- for standard input); a conflict ends the start")
    .option("--insecure", "listen off loopback without credentials")
    .option(
      "--workers <n>",
      "processes that share the ports; above 1 only with PostgreSQL (default: WORKERS, or one for each core)",
      wholeNumber(1, MAX_WORKERS),
    )
    .action(async ({ insecure, import: file, migrate, workers }: ServeOptions) => {
      // Loaded when needed: the other commands start without a database and a server in memory, and wrong settings end sooner.
      const { loadConfig } = await import("../config.ts");
      const config = loadConfig({ ...(insecure && { INSECURE: "true" }), ...(workers !== undefined && { WORKERS: `${workers}` }) });
      const { main } = await import("../main.ts");
      await main(config, { migrate, ...(file !== undefined && { importFile: file }) });
    });
