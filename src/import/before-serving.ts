import type { OwnedDatabase } from "../db/open.ts";
import { StartupError } from "../db/startup-error.ts";
import { print } from "../print.ts";
import { ImportFault } from "./fault.ts";
import { runImport } from "./import.ts";
import { isEmpty, isStopped } from "./report.ts";
import { formatReport, NOTHING_HELD } from "./report-text.ts";
import { openSource } from "./source.ts";

/**
 * Imports a file before the service starts, for `serve --import`, and prints the report to standard output.
 * @throws StartupError when the file is broken, conflicts with what is stored, or holds nothing that userd stores.
 */
export const importBeforeServing = async (db: OwnedDatabase, file: string, systemUsername: string): Promise<void> => {
  try {
    const { stream } = await openSource(file);
    const report = await runImport(db, stream, { systemUsername });
    print(formatReport(report));
    if (isStopped(report)) throw new StartupError("The import conflicts with what is stored; the service did not start.");
    if (isEmpty(report)) throw new StartupError(`${NOTHING_HELD} The service did not start.`);
  } catch (error) {
    if (error instanceof ImportFault) throw new StartupError(error.message, { cause: error });
    throw error;
  }
};
