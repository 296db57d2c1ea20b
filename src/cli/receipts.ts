import { loadConfig } from "../config.ts";
import { storedKey } from "../db/data-folder.ts";
import { createReceipts, type Receipts } from "../lifecycle/erasure/receipts.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** Makes the functions for receipts by the key of the settings, or beside the embedded database. Throws CommandError when there is none. */
export const receiptsOfSettings = (): Receipts => {
  const { secretKey, erasure, database } = loadConfig();
  const key = secretKey ?? erasure.key ?? (database.kind === "pglite" ? storedKey(database.folder) : undefined);
  if (key === undefined)
    throw new CommandError("The settings have no key: set SECRET_KEY or ERASURE_KEY, or name --public-key.", ExitCode.USAGE);
  return createReceipts(key, erasure.key);
};
