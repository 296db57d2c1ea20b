import { verifyAuditChain } from "../changes/audit-chain.ts";
import { loadConfig } from "../config.ts";
import { assertMigrated } from "../db/migrate.ts";
import { openForCommand } from "../db/open.ts";
import { print } from "../print.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** Compares the change log with its chain, and prints how far it fits. */
export const run = async ({ json }: { readonly json?: true }): Promise<void> => {
  const config = loadConfig();
  await using db = await openForCommand(config, createLogger(config.logLevel));
  await assertMigrated(db);
  if (config.secretKey === undefined && db.kind !== "pglite")
    throw new CommandError("The chain can be compared only with the SECRET_KEY that it was made with.", ExitCode.USAGE);
  const { entries, head, broken } = await verifyAuditChain(db.session(), db.secretKey, config.auditRetentionDays);
  if (json) {
    const found = {
      entries,
      head: head && { ...head, position: String(head.position) },
      broken: broken && { ...broken, position: String(broken.position) },
    };
    print(`${JSON.stringify(found, null, 2)}\n`);
  } else if (broken === undefined) {
    print(head === undefined ? "There is no chain.\n" : `${entries} entries fit, up to position ${head.position}, ${head.mac}.\n`);
  }
  if (broken !== undefined) throw new CommandError(`Position ${broken.position} does not fit: ${broken.why}.`, ExitCode.FAILURE);
};
