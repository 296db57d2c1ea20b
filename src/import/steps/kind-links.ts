import { ORGANIZATION_ID } from "../../contract/kinds/kind.ts";
import type { ImportedKind, ImportedLink } from "../kinds/staging.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { findReferred, skipUnreferred, skipUnrelated } from "./kind-references.ts";
import { assignIds, insertRows, matchRows, run, sameKey } from "./rows.ts";
import { skip, skipRepeated } from "./skip.ts";

/** The columns by which a link is known. */
const keyOf = ({ kind }: ImportedKind, { link }: ImportedLink) => [...new Set([ORGANIZATION_ID, `${kind.name}_id`, link.column])];

/**
 * Finds, for each element of a repeated reference, the id of the resource that has the element and the id of the target. Skips elements for
 * which an id is not found, and new resources that lack a required element.
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

/** Skips new elements of resources that have as many as they may have. */
const skipExcess = (tx: ImportTx, { kind }: ImportedKind, { link, staging }: ImportedLink) => {
  const own = `${kind.name}_id`;
  // Resources are looked at before their elements, which may be a million: hardly ever one has too many.
  const full = `select ${own}, free from (select ${own}, count(*) as added from ${staging.name} where outcome is null group by ${own}) fresh,
    lateral (select ${link.maxItems} - count(*) as free from ${link.table} l where l.${own} = fresh.${own}) stored where added > free`;
  return skip(
    tx,
    staging,
    `its ${kind.label} would have more than ${link.maxItems} of its ${link.name}`,
    `t.ctid in (
      select place from (
        select n.ctid as place, free, row_number() over (partition by ${own} order by n.record, n.${link.column}) as position
        from ${staging.name} n join (${full}) overfull using (${own}) where n.outcome is null
      ) ranked where position > free)`,
  );
};

/** Writes the elements of a repeated reference, and changes the etags of stored resources that get a new element. */
export const storeLink = async (tx: ImportTx, one: ImportedKind, linked: ImportedLink): Promise<void> => {
  const { kind, staging: resources } = one;
  const { staging } = linked;
  if (!isGiven(tx, staging)) return;
  const target = { staging, key: keyOf(one, linked), columns: {} };
  await matchRows(tx, target, sameKey(target), target.key);
  await assignIds(tx, target);
  await skipExcess(tx, one, linked);
  await insertRows(tx, target);
  await run(
    tx,
    `update ${kind.table} t set etag = etag + 1 from ${resources.name} s where s.id = t.id and s.outcome = 'unchanged'
      and exists (select from ${staging.name} l where l.${kind.name}_id = t.id and l.outcome is null)`,
  );
};
