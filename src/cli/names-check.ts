import { print } from "../print.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { collisionError, collisionLines, counted, countLines, withOutdated } from "./names-database.ts";

/** Prints how many canonical forms are outdated, and which names would be equal after `userd names apply`. Fails if any form is outdated. */
export const run = ({ json }: { readonly json?: true }): Promise<void> =>
  withOutdated(async (_, findings) => {
    const counts = counted(findings);
    const { collisions } = findings;
    print(json ? `${JSON.stringify({ outdated: counts, collisions }, null, 2)}\n` : countLines(counts) + collisionLines(findings));
    if (collisions.length > 0) throw collisionError(findings);
    if (Object.values(counts).some((count) => count > 0)) {
      throw new CommandError("These forms are outdated: `userd names apply` recomputes them.", ExitCode.FAILURE);
    }
    if (!json) print("All names have the form that they are compared by.\n");
  });
