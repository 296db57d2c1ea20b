import { loadConfig } from "../config.ts";
import { createReceipts, type Receipts } from "../lifecycle/erasure/receipts.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** Makes the functions for receipts by the key of the settings. Throws CommandError when they have none. */
export const receiptsOfSettings = (): Receipts => {
  const { secretKey, erasure } = loadConfig();
  const key = secretKey ?? erasure.key;
  if (key === undefined)
    throw new CommandError("The settings have no key: set SECRET_KEY or ERASURE_KEY, or name --public-key.", ExitCode.USAGE);
  return createReceipts(key, erasure.key);
};
