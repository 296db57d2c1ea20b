import { type RawBuilder, sql } from "kysely";
import { type Kind, ORGANIZATION_ID } from "../contract/kinds/kind.ts";
import { type Compiled, compiled, place } from "../db/compiled.ts";
import type { Tx } from "../db/write.ts";
import { alreadyExists, DomainError, orRefusal } from "../errors.ts";
import { oncePerKind } from "./once-per-kind.ts";
import { parentsOf } from "./parents.ts";
import { severalField } from "./resource-fields.ts";
import { quoted } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";
import { type Resource, type Values, valuesOf } from "./values.ts";

/** The work that a service does in the transaction of an append, once the records are stored. */
export type Appended = (tx: Tx, records: readonly Values[]) => Promise<void>;

/** Returns the path of a record in the request, such as `check_ins[3]`. */
const pathOf = (kind: Kind, index: number): string => `${kind.plural}[${index}]`;

/** Reads the values of all records. The error has the faults of all of them, each with its index. */
const recordsOf = (kind: Kind, resources: readonly Resource[]): readonly Values[] => {
  const read = resources.map((resource, index) => orRefusal(() => valuesOf(kind, resource, () => true, pathOf(kind, index))));
  const refused = read.filter((one) => one instanceof DomainError);
  const [first] = refused;
  if (first === undefined) return read as readonly Values[];
  throw new DomainError(first.kind, first.reason, first.message, { violations: refused.flatMap(({ violations }) => violations) });
};

type Stored = { readonly id: bigint; readonly is_taken: boolean };

/** The statement that inserts records, and returns their ids in the order of the request, also of those that were not inserted. */
const insertionOf = oncePerKind((kind): Compiled<Stored> => {
  const columns = kind.columns.filter(({ name, isOutputOnly }) => !isOutputOnly || name === ORGANIZATION_ID);
  const names = sql.join(columns.map(({ name }) => sql.ref(name)));
  const types = sql.join(columns.map(({ name, type }) => sql`${sql.ref(name)} ${sql.raw(type)}`));
  const ids = sql.lit(quoted(kind.table)) as RawBuilder<string>;
  return compiled(sql<Stored>`
    with w as materialized (
      select nextval((select pg_get_serial_sequence(${ids}, 'id')::regclass)) as id, n.* from rows from (json_to_recordset(${place("records")}::json) as (${types}))
        with ordinality as n (${names}, "@position")
    ), i as (
      insert into ${sql.table(kind.table)} (id, ${names}) select id, ${names} from w order by "@position" on conflict do nothing returning id
    )
    select w.id, i.id is null as is_taken from w left join i on i.id = w.id order by w."@position"`);
});

/** The record as JSON: bigints are texts, and halves of surrogate pairs, which JSON can hold and PostgreSQL can't, are replaced. */
const jsonOf = ({ columns }: Values, rootId: bigint | null): Record<string, unknown> => {
  const record: Record<string, unknown> = { [ORGANIZATION_ID]: rootId === null ? null : String(rootId) };
  for (const [{ name }, value] of columns)
    record[name] = typeof value === "bigint" ? String(value) : typeof value === "string" ? value.toWellFormed() : value;
  return record;
};

const taken = (kind: Kind, stored: readonly Stored[]): DomainError => {
  const [only, other] = kind.keys;
  const description = "has a key that another one has";
  const violations = stored.flatMap(({ is_taken }, index) => (is_taken ? [{ field: pathOf(kind, index), description }] : []));
  const metadata = { kind: kind.name, ...(only && other === undefined && { key: only.name }) };
  return alreadyExists("RESOURCE_TAKEN", `${violations[0]?.field} ${description}.`, { metadata, violations });
};

/**
 * AppendXs: stores records by one statement, or none of them if one is at fault. No aggregate is locked, nothing is logged, and the token has
 * the time of the commit.
 */
export const appendResources: StandardMethod<Appended> = ({ write }, kind, method, follow) => {
  const field = severalField(kind);
  return (call, request) => {
    const records = recordsOf(kind, fieldsOf<Record<string, readonly Resource[]>>(request)[field] ?? []);
    return write(call, { method, request, aggregates: [], hasTimeToken: true }, async (tx) => {
      const rootOf = await parentsOf(tx, kind, records, (index) => `${pathOf(kind, index)}.${kind.parent.name}`);
      const stored = await tx.rows(insertionOf(kind)({ records: JSON.stringify(records.map((one) => jsonOf(one, rootOf(one)))) }));
      if (stored.some(({ is_taken }) => is_taken)) throw taken(kind, stored);
      await follow?.(tx, records);
      return answerOf({ ids: stored.map(({ id }) => id) });
    });
  };
};
