import { sql } from "kysely";
import { type Kind, ORGANIZATION_ID } from "../contract/kinds/kind.ts";
import type { Tx } from "../db/write.ts";
import { forbidden, notFound } from "../errors.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { isRelated, ruledBy, ruleOf } from "./relation.ts";
import { joinedAncestors } from "./row.ts";
import type { Values } from "./values.ts";

/** A parent that is there; without an id it stands for records without a parent, which nobody but superusers may see and write. */
type Parent = { readonly id: bigint | null; readonly root_id: bigint | null; readonly reads: boolean; readonly owns: boolean };

/** Reads the parents of records that are there and not deleted, with what the acting user may do there. */
const readParents = (tx: Tx, kind: Kind, ids: readonly (bigint | null)[]): Promise<Parent[]> => {
  const { actingUserId } = tx.call;
  const [above, ...further] = kind.ancestors;
  if (above === undefined) throw new Error(`${kind.name} has no parent`);
  const live = [above, ...further].map(({ to }, index) =>
    to.isSoft ? sql`${sql.ref(index === 0 ? "r.delete_time" : `a${index}.delete_time`)} is null` : sql`true`,
  );
  const parent = sql`${sql.table(above.to.table)} r`;
  // SQL has no brackets around a table alone.
  const joined = further.length === 0 ? parent : sql`(${parent} ${joinedAncestors({ ancestors: further })})`;
  const id = ruledBy(kind, "r", further);
  const related = (relation: AccessRelation) =>
    actingUserId === undefined ? sql`true` : isRelated(ruleOf(kind), actingUserId, relation, id);
  return tx.rows(sql<Parent>`
    select w.id, ${sql.ref(`r.${above.to.belongsTo?.column ?? ORGANIZATION_ID}`)} as root_id,
      ${related(AccessRelation.READ)} as reads, ${related(AccessRelation.OWN)} as owns
    from unnest(${ids.map((one) => (one === null ? null : String(one)))}::bigint[]) as w (id)
    left join ${joined} on r.id = w.id and ${sql.join(live, sql` and `)}
    where r.id is not null or w.id is null`);
};

/**
 * Checks that the parents of records are there, that nothing that they are part of is deleted, and that the acting user owns them. Returns the
 * function that returns the id of the organization or profile that a record belongs to.
 * @throws NOT_FOUND REFERENCE_NOT_FOUND with the paths of all parents that are missing; PERMISSION_DENIED PERMISSION_REQUIRED.
 */
export const parentsOf = async (
  tx: Tx,
  kind: Kind,
  records: readonly Values[],
  pathOf: (index: number) => string,
): Promise<(record: Values) => bigint | null> => {
  const parentIn = ({ columns }: Values) => (columns.get(kind.parent) ?? null) as bigint | null;
  const found = await readParents(tx, kind, [...new Set(records.map(parentIn))]);
  const parents = new Map(found.flatMap((one) => (one.reads ? [[one.id, one] as const] : [])));
  const description = "names what does not exist, is deleted, or belongs to another organization";
  const missing = records.flatMap((record, index) => (parents.has(parentIn(record)) ? [] : [{ field: pathOf(index), description }]));
  if (missing.length > 0) throw notFound("REFERENCE_NOT_FOUND", `${missing[0]?.field} ${description}.`, { violations: missing });
  if (found.some(({ owns }) => !owns))
    throw forbidden("PERMISSION_REQUIRED", `The acting user may read the ${kind.label}, and not write it.`);
  return (record) => parents.get(parentIn(record))?.root_id ?? null;
};
