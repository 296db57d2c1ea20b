import { sql } from "kysely";
import type { Column, Kind } from "../contract/kinds/kind.ts";
import { ORGANIZATION_ID } from "../contract/kinds/kind.ts";
import type { LookUpLocks, Tx } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import { kindsAggregate } from "../versions/aggregate.ts";
import { addLinks } from "./links.ts";
import { requireReferences } from "./references.ts";
import { toMessage } from "./row.ts";
import { answerOf, fieldsOf, resourceField, type StandardMethod } from "./standard-method.ts";
import { organizationOf, storedById } from "./stored.ts";
import { type Resource, type Values, valuesOf } from "./values.ts";

const stored = ({ type }: Column, value: unknown) => (type === "jsonb" && value !== null ? JSON.stringify(value) : value);

/** Inserts a row; the organization of what is part of another resource follows from that. */
const insert = async (tx: Tx, { table, columns: all }: Kind, { columns }: Values, organizationId: bigint): Promise<bigint> => {
  const values = new Map(all.filter(({ name }) => name === ORGANIZATION_ID).map((column): [Column, unknown] => [column, organizationId]));
  for (const [column, value] of columns) values.set(column, value);
  const names = sql.join([...values.keys()].map(({ name }) => sql.ref(name)));
  const list = sql.join([...values].map(([column, value]) => sql`${stored(column, value)}::${sql.raw(column.type)}`));
  const { id } = await tx.one(sql<{ id: bigint }>`insert into ${sql.table(table)} (${names}) values (${list}) returning id`);
  return id;
};

/** CreateX: stores a resource with its links; a constraint refuses a key that is taken. */
export const createResource: StandardMethod = ({ write }, kind, method) => {
  const field = resourceField(kind);
  return (call, request) => {
    const resource = fieldsOf<Record<string, Resource | undefined>>(request)[field];
    if (resource === undefined) throw invalidField(kind.name, "is required");
    const values = valuesOf(kind, resource, () => true);
    const parentId = values.columns.get(kind.parent) as bigint;
    const [{ to }, above] = [kind.parent.reference ?? { to: kind }, kind.ancestors[1]];
    let organizationId = parentId;
    const aggregates: LookUpLocks = async (session) => {
      if (above !== undefined) organizationId = await organizationOf(session, to.table, parentId);
      return [kindsAggregate(organizationId)];
    };
    return write(call, { method, request, aggregates }, async (tx) => {
      await requireReferences(tx, kind, values, organizationId);
      const id = await insert(tx, kind, values, organizationId);
      for (const [link, ids] of values.links) await addLinks(tx, kind, link, { id, organizationId }, ids);
      return answerOf({ [field]: toMessage(kind, await storedById(tx, kind, id)) });
    });
  };
};
