import { type RawBuilder, sql } from "kysely";
import { type Column, type ColumnType, type Kind, ORGANIZATION_ID } from "../contract/kinds/kind.ts";
import { type Compiled, compiled, place } from "../db/compiled.ts";
import { isUniqueViolation } from "../db/faults.ts";
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

/** The columns that an append sets. */
const writtenColumns = ({ columns }: Kind): readonly Column[] =>
  columns.filter(({ name, isOutputOnly }) => !isOutputOnly || name === ORGANIZATION_ID);

/** The statements that insert records and return their ids in the order of the request. */
type Insertion = {
  /** Inserts all records, or violates a unique key. */
  readonly all: Compiled<Stored>;
  /** Inserts the records whose keys are not taken, and tells which ones are: it costs more for each record. */
  readonly untaken: Compiled<Stored>;
};

const insertionOf = oncePerKind((kind): Insertion => {
  const columns = writtenColumns(kind);
  const table = sql.table(kind.table);
  const names = sql.join(columns.map(({ name }) => sql.ref(name)));
  const arrays = sql.join(columns.map(({ name, type }) => sql`${place(name)}::${sql.raw(type)}[]`));
  const ids = sql.lit(quoted(kind.table)) as RawBuilder<string>;
  return {
    all: compiled(sql<Stored>`
      insert into ${table} (${names}) select * from unnest(${arrays}) returning id, false as is_taken`),
    untaken: compiled(sql<Stored>`
      with w as materialized (
        select nextval((select pg_get_serial_sequence(${ids}, 'id')::regclass)) as id, n.*
        from unnest(${arrays}) with ordinality as n (${names}, "@position")
      ), i as (
        insert into ${table} (id, ${names}) select id, ${names} from w order by "@position" on conflict do nothing returning id
      )
      select w.id, i.id is null as is_taken from w left join i on i.id = w.id order by w."@position"`),
  };
});

const textOf = (value: unknown, type: ColumnType): string | null => {
  if (value === null) return null;
  if (type === "jsonb") return JSON.stringify(value);
  return value instanceof Date ? value.toISOString() : String(value);
};

/** The values of records as texts: for each column an array, which PostgreSQL reads faster than records of JSON. */
const arraysOf = (kind: Kind, records: readonly Values[], rootOf: (record: Values) => bigint | null): Record<string, unknown> =>
  Object.fromEntries(
    writtenColumns(kind).map((column) => {
      const valueIn = (record: Values) => record.columns.get(column) ?? (column.name === ORGANIZATION_ID ? rootOf(record) : null);
      return [column.name, records.map((record) => textOf(valueIn(record), column.type))];
    }),
  );

const taken = (kind: Kind, stored: readonly Stored[]): DomainError => {
  const [only, other] = kind.keys;
  const description = "has a key that another one has";
  const violations = stored.flatMap(({ is_taken }, index) => (is_taken ? [{ field: pathOf(kind, index), description }] : []));
  const metadata = { kind: kind.name, ...(only && other === undefined && { key: only.name }) };
  return alreadyExists("RESOURCE_TAKEN", `${violations[0]?.field} ${description}.`, { metadata, violations });
};

/**
 * AppendXs: stores records by one statement, or none of them if one is at fault. No aggregate is locked, nothing is logged, and the token has
 * the time of the commit. Seldom is a key taken: only then the write runs again, by the statement that tells which.
 */
export const appendResources: StandardMethod<Appended> = ({ write }, kind, method, follow) => {
  const field = severalField(kind);
  return async (call, request) => {
    const records = recordsOf(kind, fieldsOf<Record<string, readonly Resource[]>>(request)[field] ?? []);
    const append = (how: keyof Insertion) =>
      write(call, { method, request, aggregates: [], hasTimeToken: true }, async (tx) => {
        const rootOf = await parentsOf(tx, kind, records, (index) => `${pathOf(kind, index)}.${kind.parent.name}`);
        const stored = await tx.rows(insertionOf(kind)[how](arraysOf(kind, records, rootOf)));
        if (stored.some(({ is_taken }) => is_taken)) throw taken(kind, stored);
        await follow?.(tx, records);
        return answerOf({ ids: stored.map(({ id }) => id) });
      });
    try {
      return await append("all");
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      return append("untaken");
    }
  };
};
