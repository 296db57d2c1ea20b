import { removeNamesInClear } from "../db/canonical-names.ts";
import { print } from "../print.ts";
import { applyForms } from "../stored-names/recompute.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { collisionError, collisionLines, countLines, withOutdated } from "./names-database.ts";

/**
 * Recomputes the outdated canonical forms and prints how many were written; none is written when recomputing would make names equal. Removes the names
 * in clear that the version before has left.
 */
export const run = ({ json }: { readonly json?: true }): Promise<void> =>
  withOutdated(async (db, findings) => {
    const { collisions } = findings;
    if (collisions.length > 0) {
      print(json ? `${JSON.stringify({ written: {}, collisions }, null, 2)}\n` : collisionLines(findings));
      throw collisionError(findings);
    }
    const results = [...(await applyForms(db, findings))];
    const written = Object.fromEntries(results.map(([{ what }, result]) => [what, Number(result.written)]));
    const inClear = await removeNamesInClear(db.session());
    const removed = inClear > 0 ? `names in clear of the version before, removed: ${inClear}\n` : "";
    print(
      json
        ? `${JSON.stringify({ written, collisions, namesInClear: inClear }, null, 2)}\n`
        : countLines(written) + removed || "Nothing had to be recomputed.\n",
    );
    const refused = results.reduce((sum, [, result]) => sum + result.refused, 0);
    if (refused > 0) {
      throw new CommandError(
        `${refused} ${refused === 1 ? "row was" : "rows were"} left: others have taken the names meanwhile. Run it again: it lists them.`,
        ExitCode.CONFLICT,
      );
    }
  });
