import { type RawBuilder, sql } from "kysely";
import { referenceNotFound } from "../contract/kinds/errors.ts";
import { type Column, type Kind, ORGANIZATION_ID, ORGANIZATION_IDS, tokenOf } from "../contract/kinds/kind.ts";
import { type Compiled, compiled, place } from "../db/compiled.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { conflict, invalidField } from "../errors.ts";
import type { Aggregate } from "../versions/aggregate.ts";
import { addLinks } from "./links.ts";
import { oncePerKind } from "./once-per-kind.ts";
import { requireReferences } from "./references.ts";
import { requireOwned, ruledParent } from "./relation.ts";
import { resourceField } from "./resource-fields.ts";
import { columnsOf, type Row, toMessage } from "./row.ts";
import { newSecrets, plainSecrets, secretColumns } from "./secrets.ts";
import { candidates, missingSlug, type SlugKey } from "./slug.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";
import { aggregatesOf, rootOf, storedById } from "./stored.ts";
import { type Resource, sharersIn, type Values, valuesOf } from "./values.ts";

/** The additional steps of Create for a kind whose service is written by hand. */
export type Creation = {
  /** Returns the aggregates that the write locks besides those of the kind. */
  readonly locks: (request: object) => readonly Aggregate[];
  /** Checks the service's own conditions before the resource is stored. */
  readonly check: (tx: Tx, request: object) => Promise<void>;
  /** Stores what the service adds, once the resource is stored. */
  readonly follow: (tx: Tx, request: object, id: bigint) => Promise<void>;
};

/** Makes the statement that inserts a row and returns it; `slug` stands in the place of the value that has to be made. */
const insertion = (kind: Kind, slug?: { readonly key: SlugKey; readonly value: RawBuilder<string> }): Compiled<Row> => {
  // The engine fills the organization of what is part of another resource, and callers all else that is no output.
  const filled = [...kind.columns.filter(({ name, isOutputOnly }) => !isOutputOnly || name === ORGANIZATION_ID), ...secretColumns(kind)];
  const namesOf = (columns: readonly Pick<Column, "name">[]) => sql.join(columns.map(({ name }) => sql.ref(name)));
  const values = filled.map((column) => (column === slug?.key.slug ? slug.value : sql`${place(column.name)}::${sql.raw(column.type)}`));
  const onConflict = slug === undefined ? sql`` : sql`on conflict (${namesOf([...slug.key.within, slug.key.slug])}) do nothing`;
  return compiled(sql<Row>`
    with r as (insert into ${sql.table(kind.table)} (${namesOf(filled)}) values (${sql.join(values)}) ${onConflict} returning *)
    select ${columnsOf(kind)} from r`);
};

const insertionOf = oncePerKind((kind) => insertion(kind));

/** Inserts a row; the organization of what is part of another resource follows from that. */
const insert = async (tx: Tx, kind: Kind, values: Values, given: Readonly<Record<string, unknown>>): Promise<Row> => {
  const places: Record<string, unknown> = { ...given };
  for (const [{ name, type }, value] of values.columns) places[name] = type === "jsonb" && value !== null ? JSON.stringify(value) : value;
  const key = missingSlug(kind, values);
  if (key === undefined) return tx.one(insertionOf(kind)(places));
  for (const value of candidates(kind, key, values)) {
    const row = await tx.row(insertion(kind, { key, value })(places));
    if (row !== undefined) return row;
  }
  throw conflict("CONTENTION", "Too many are given the same slug at once; try again.");
};

/** CreateX: stores a new resource and the rows of its repeated references. A constraint of the database refuses a key that is taken. */
export const createResource: StandardMethod<Creation> = ({ write, vault }, kind, method, also) => {
  const field = resourceField(kind);
  const isSecret = tokenOf(kind) !== undefined;
  return (call, request) => {
    const resource = fieldsOf<Record<string, Resource | undefined>>(request)[field];
    if (resource === undefined) throw invalidField(kind.name, "is required");
    const values = valuesOf(kind, resource, () => true);
    const plain = plainSecrets(kind, resource, () => true);
    const { validateOnly } = fieldsOf<{ readonly validateOnly?: boolean }>(request);
    const { parent } = kind;
    const sharers = sharersIn(values);
    const isRoot = kind.ancestors.length === 0 && sharers.length === 0;
    const parentId = (values.columns.get(parent) ?? 0n) as bigint;
    let rootId = parentId;
    const rootIds = () => (sharers.length > 0 ? sharers : [rootId]);
    const locked = () => [...(also?.locks(request) ?? []), ...(isRoot ? [] : aggregatesOf(kind, rootIds()))];
    const lookUp: LookUpLocks = async (session) => {
      if (parent.reference) rootId = await rootOf(session, parent.reference.to, parentId);
      return locked();
    };
    // A write whose locks are known waits for its turn without a connection.
    const aggregates = kind.ancestors.length > 1 ? lookUp : locked();
    const missing = () => referenceNotFound(`${kind.name}.${sharers.length > 0 ? ORGANIZATION_IDS : parent.name}`);
    return write(call, { method, request, aggregates, isSecret }, async (tx) => {
      await also?.check(tx, request);
      await requireOwned(tx, kind, ruledParent(kind, parentId, sharers), missing);
      await requireReferences(tx, kind, values, rootId);
      const { stored: secrets, shown } = await newSecrets(tx, vault, kind, plain);
      const row = await insert(tx, kind, values, { [ORGANIZATION_ID]: rootId, ...secrets });
      const { id } = row;
      for (const aggregate of aggregatesOf(kind, isRoot ? [id] : rootIds(), id)) tx.touch(aggregate);
      for (const [link, ids] of values.links) await addLinks(tx, kind, link, { id, organizationId: rootId }, ids);
      await also?.follow(tx, request, id);
      // What followed the insert may be part of the resource.
      const isAll = also === undefined && [...values.links.values()].every((ids) => ids.length === 0);
      const message = toMessage(kind, isAll ? row : await storedById(tx, kind, id));
      // A token of what is only checked would be of no use.
      return answerOf({ [field]: validateOnly === true ? message : Object.assign(message, shown) });
    });
  };
};
