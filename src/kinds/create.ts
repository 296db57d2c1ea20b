import { type RawBuilder, sql } from "kysely";
import { referenceNotFound } from "../contract/kinds/errors.ts";
import { type Column, type Kind, ORGANIZATION_ID, ORGANIZATION_IDS } from "../contract/kinds/kind.ts";
import type { LookUpLocks, Tx } from "../db/transaction.ts";
import { conflict, invalidField } from "../errors.ts";
import type { Aggregate } from "../versions/aggregate.ts";
import { addLinks } from "./links.ts";
import { requireReferences } from "./references.ts";
import { requireOwned, ruledParent } from "./relation.ts";
import { toMessage } from "./row.ts";
import { candidates, missingSlug } from "./slug.ts";
import { answerOf, fieldsOf, resourceField, type StandardMethod } from "./standard-method.ts";
import { aggregatesOf, organizationOf, storedById } from "./stored.ts";
import { type Resource, sharersIn, type Values, valuesOf } from "./values.ts";

/** The steps that a service written by hand adds to Create. */
export type Creation = {
  /** Returns the aggregates that the write locks besides those of the kind. */
  readonly locks: (request: object) => readonly Aggregate[];
  /** Checks the service's own conditions before the resource is stored. */
  readonly check: (tx: Tx, request: object) => Promise<void>;
  /** Stores what the service adds, once the resource is stored. */
  readonly follow: (tx: Tx, request: object, id: bigint) => Promise<void>;
};

const stored = ({ type }: Column, value: unknown): RawBuilder<unknown> =>
  sql`${type === "jsonb" && value !== null ? JSON.stringify(value) : value}::${sql.raw(type)}`;

/** Inserts a row; the organization of what is part of another resource follows from that. */
const insert = async (tx: Tx, kind: Kind, values: Values, organizationId: bigint): Promise<bigint> => {
  const organization = kind.columns.filter(({ name }) => name === ORGANIZATION_ID);
  const row = new Map(organization.map((column) => [column, stored(column, organizationId)]));
  for (const [column, value] of values.columns) row.set(column, stored(column, value));
  const add = (onConflict: RawBuilder<unknown>) => {
    const names = sql.join([...row.keys()].map(({ name }) => sql.ref(name)));
    return sql<{ id: bigint }>`
      insert into ${sql.table(kind.table)} (${names}) values (${sql.join([...row.values()])}) ${onConflict} returning id`;
  };
  const key = missingSlug(kind, values);
  if (key === undefined) return (await tx.one(add(sql``))).id;
  const names = sql.join([...key.within, key.slug].map(({ name }) => sql.ref(name)));
  for (const slug of candidates(kind, key, values)) {
    row.set(key.slug, slug);
    const made = await tx.row(add(sql`on conflict (${names}) do nothing`));
    if (made !== undefined) return made.id;
  }
  throw conflict("CONTENTION", "Too many are given the same slug at once; try again.");
};

/** CreateX: stores a new resource and the rows of its repeated references. A constraint of the database refuses a key that is taken. */
export const createResource: StandardMethod<Creation> = ({ write }, kind, method, also) => {
  const field = resourceField(kind);
  return (call, request) => {
    const resource = fieldsOf<Record<string, Resource | undefined>>(request)[field];
    if (resource === undefined) throw invalidField(kind.name, "is required");
    const values = valuesOf(kind, resource, () => true);
    const { parent } = kind;
    const sharers = sharersIn(values);
    const isRoot = kind.ancestors.length === 0 && sharers.length === 0;
    const parentId = (values.columns.get(parent) ?? 0n) as bigint;
    let organizationId = parentId;
    const organizationIds = () => (sharers.length > 0 ? sharers : [organizationId]);
    const aggregates: LookUpLocks = async (session) => {
      if (parent.reference && kind.ancestors.length > 1) organizationId = await organizationOf(session, parent.reference.to, parentId);
      return [...(also?.locks(request) ?? []), ...(isRoot ? [] : aggregatesOf(kind, organizationIds()))];
    };
    const missing = () => referenceNotFound(`${kind.name}.${sharers.length > 0 ? ORGANIZATION_IDS : parent.name}`);
    return write(call, { method, request, aggregates }, async (tx) => {
      await also?.check(tx, request);
      await requireOwned(tx, kind, ruledParent(kind, parentId, sharers), missing);
      await requireReferences(tx, kind, values, organizationId);
      const id = await insert(tx, kind, values, organizationId);
      for (const aggregate of aggregatesOf(kind, isRoot ? [id] : organizationIds(), id)) tx.touch(aggregate);
      for (const [link, ids] of values.links) await addLinks(tx, kind, link, { id, organizationId }, ids);
      await also?.follow(tx, request, id);
      return answerOf({ [field]: toMessage(kind, await storedById(tx, kind, id)) });
    });
  };
};
