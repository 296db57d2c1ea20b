import { Command } from "commander";
import { loadConfig } from "../config.ts";

type ServeOptions = { readonly migrate: boolean; readonly import?: string; readonly insecure?: true };

/** `userd serve`: runs the service until SIGTERM or SIGINT. */
export const serveCommand = (): Command =>
  new Command("serve")
    .description("Run the service until SIGTERM or SIGINT.")
    .option("--no-migrate", "do not migrate; fail when a migration is pending")
    .option("--import <file>", "import an export before serving (- for standard input); a conflict ends the start")
    .option("--insecure", "listen off loopback without credentials")
    .action(async ({ insecure, import: file, migrate }: ServeOptions) => {
      const config = loadConfig(insecure ? { INSECURE: "true" } : {});
      // Loaded when needed: the other commands start without a database and a server in memory.
      const { main } = await import("../main.ts");
      await main(config, { migrate, ...(file !== undefined && { importFile: file }) });
    });
