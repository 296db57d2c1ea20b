import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { unavailable } from "../../errors.ts";
import { type Receipt, type Statement, verifiedStatement } from "./receipts.ts";

/** A line of the ledger that does not say what was signed. */
export class LedgerFault extends Error {
  override readonly name = "LedgerFault";
}

/**
 * Adds receipts to the ledger, a line each, and waits until the file is on the disk. The ledger stands beside the backups of the database, and
 * has no id of a user.
 * @throws UNAVAILABLE LEDGER_UNAVAILABLE.
 */
export const appendToLedger = async (path: string, receipts: readonly Receipt[]): Promise<void> => {
  if (receipts.length === 0) return;
  const lines = receipts.map(
    ({ statement, signature }) => `${JSON.stringify({ statement, signature: Buffer.from(signature).toString("base64") })}\n`,
  );
  try {
    await using file = await open(path, "a", 0o600);
    await file.appendFile(lines.join(""));
    await file.sync();
  } catch (error) {
    throw unavailable("LEDGER_UNAVAILABLE", "The file that erasures are written to can't be written: nothing was purged.", {
      cause: error,
    });
  }
};

/** Reads the statements of a ledger. Throws LedgerFault at a line that was not signed with the key; the last line may be cut off. */
export async function* readLedger(path: string, publicKey: Uint8Array): AsyncGenerator<Statement> {
  let number = 0;
  let fault: string | undefined;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (fault !== undefined) throw new LedgerFault(fault);
    const statement = statementOf(line, publicKey);
    // What was being written when the power failed is the last line: that erasure was not committed.
    if (statement === undefined) fault = `Line ${number} of the ledger was not signed with this key, or was changed since.`;
    else yield statement;
  }
  if (fault !== undefined && number === 1) throw new LedgerFault(fault);
}

const statementOf = (line: string, publicKey: Uint8Array): Statement | undefined => {
  try {
    const { statement, signature } = JSON.parse(line) as { readonly statement: string; readonly signature: string };
    return verifiedStatement({ statement, signature: Buffer.from(signature, "base64") }, publicKey);
  } catch {
    return undefined;
  }
};
