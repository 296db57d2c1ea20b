import { Command } from "commander";
import { wholeNumber } from "./whole-number.ts";

type ServeOptions = { readonly migrate: boolean; readonly import?: string; readonly insecure?: true; readonly workers: number };

const MAX_WORKERS = 64;

/** Makes the command `userd serve`, which runs the service until SIGTERM or SIGINT. */
export const serveCommand = (): Command =>
  new Command("serve")
    .description("Run the service until SIGTERM or SIGINT.")
    .option("--no-migrate", "do not migrate; fail when a migration is pending")
    .option("--import <file>", "import an export before serving (- for standard input); a conflict ends the start")
    .option("--insecure", "listen off loopback without credentials")
    .option("--workers <n>", "processes that share the ports; above 1 only with PostgreSQL", wholeNumber(1, MAX_WORKERS), 1)
    .action(async ({ insecure, import: file, migrate, workers }: ServeOptions) => {
      // Loaded when needed: the other commands start without a database and a server in memory, and wrong settings end sooner.
      const { loadConfig } = await import("../config.ts");
      const config = loadConfig(insecure ? { INSECURE: "true" } : {});
      const { main } = await import("../main.ts");
      await main(config, { migrate, ...(file !== undefined && { importFile: file }) }, workers);
    });
