import { ORGANIZATION_ID } from "../../contract/kinds/kind.ts";
import type { ImportedKind, ImportedLink } from "../kinds/staging.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { findReferred, skipUnreferred, skipUnrelated } from "./kind-references.ts";
import { mergeRows, run } from "./rows.ts";
import { skip, skipRepeated } from "./skip.ts";

/** The columns by which a link is known. */
const keyOf = ({ kind }: ImportedKind, { link }: ImportedLink) => [...new Set([ORGANIZATION_ID, `${kind.name}_id`, link.column])];

/**
 * Finds the ids of the two sides of each element of a repeated reference. Skips elements whose resource is not in the file or whose target is
 * not found, and new resources that lack a required element.
 */
export const resolveLink = async (tx: ImportTx, one: ImportedKind, linked: ImportedLink): Promise<void> => {
  const { kind, staging: resources } = one;
  const { link, staging } = linked;
  const own = `${kind.name}_id`;
  if (isGiven(tx, staging)) {
    const place = { staging, name: link.column, to: link.to, isNamed: false, hasActor: false };
    const organization = kind.sharedBy === undefined ? ", organization_id = p.organization_id" : "";
    await run(tx, `update ${staging.name} t set ${own} = p.id${organization} from ${resources.name} p where p.pk = t.${own}_pk`);
    await skip(tx, staging, `its ${kind.label} is not in the file, or was skipped`, `t.${own} is null`);
    await findReferred(tx, place);
    await skipUnreferred(tx, place);
    await skipUnrelated(tx, place);
    await skipRepeated(tx, staging, "it comes twice: the highest pk stands", keyOf(one, linked).join(", "), "pk desc nulls last");
  }
  if (!link.isRequired) return;
  const hasNone = `t.outcome is null and not exists (select from ${staging.name} l where l.${own} = t.id)`;
  await skip(tx, resources, `it has no ${link.to.name} that is here or in the file`, hasNone);
};

/** Writes the elements of a repeated reference, and changes the etags of stored resources that get a new element. */
export const storeLink = async (tx: ImportTx, one: ImportedKind, linked: ImportedLink): Promise<void> => {
  const { kind, staging: resources } = one;
  const { staging } = linked;
  if (!isGiven(tx, staging)) return;
  await mergeRows(tx, { staging, key: keyOf(one, linked), columns: {} });
  await run(
    tx,
    `update ${kind.table} t set etag = etag + 1 from ${resources.name} s where s.id = t.id and s.outcome = 'unchanged'
      and exists (select from ${staging.name} l where l.${kind.name}_id = t.id and l.outcome is null)`,
  );
};
