import type { Vault } from "../secrets/secrets.ts";
import { FieldFault, Unfit } from "./fault.ts";
import type { Field, Note } from "./fields.ts";
import type { StagedRow, StagingTable } from "./staging.ts";

/** The row that one member of a many-to-many field becomes. The report counts the row under a model of its own, such as `auth.user.groups`. */
export type LinkRow = { readonly model: string; readonly into: StagingTable; readonly columns: (note: Note) => StagedRow };

/** The description of a many-to-many field of a model: which values are its members, and what row each becomes. */
export type Links<V> = {
  readonly model: string;
  readonly into: StagingTable;
  readonly of: (values: V) => readonly unknown[];
  readonly row: (pk: bigint | undefined, member: unknown, note: Note) => StagedRow;
};

/** The rows that a record becomes: its own, and one for each member of its many-to-many fields. */
type Rows = { readonly columns: StagedRow; readonly links: readonly LinkRow[] };

/** The description of how the records of one model become rows of staging tables. */
export type Reader = {
  /** The model's name in exports: `sentry.user`. */
  readonly model: string;
  /** The thing that a record becomes here, without a full stop: docs/import.md says it in its table. */
  readonly becomes: string;
  readonly into: StagingTable;
  /** All staging tables that its rows go into, those of links too. */
  readonly tables: readonly StagingTable[];
  /** The fields that are read. Others are counted, and not stored. */
  readonly fields: ReadonlySet<string>;
  /** The field with the key by which others refer to its records, if that is not their own primary key. */
  readonly standsFor?: string;
  /** True when its records may lack a primary key. Other records refer to them by name then, and a step gives them ids. */
  readonly isKnownByName: boolean;
  /** Known fields that are not stored, as a map from field to reason. */
  readonly notHeld: Readonly<Record<string, string>>;
  /**
   * Makes the rows of a record. The vault encrypts what must not be readable, not even in a staging table.
   * @throws FieldFault or Unfit; the message begins with the field's name if it is about one.
   */
  readonly rows: (pk: bigint | undefined, fields: object, vault: Vault, note: Note) => Rows;
};

const NO_LINKS: readonly LinkRow[] = [];

/** The type of a record's values: an object that has, for each field, what its `Field` function returns. */
export type ValuesOf<F extends Readonly<Record<string, Field<unknown>>>> = { readonly [K in keyof F]: ReturnType<F[K]> };

/** Makes the reader of a model. `row` turns the values of a record's fields into the columns of a staged row. */
export const defineReader = <V extends object>(definition: {
  readonly model: string;
  readonly becomes: string;
  readonly into: StagingTable;
  readonly isKnownByName?: true;
  readonly standsFor?: keyof V & string;
  readonly fields: { readonly [K in keyof V]: Field<V[K]> };
  readonly row: (values: V, vault: Vault, note: Note) => StagedRow;
  readonly links?: readonly Links<NoInfer<V>>[];
  readonly notHeld?: Readonly<Record<string, string>>;
}): Reader => {
  const { model, becomes, into, isKnownByName = false, standsFor, links = [], notHeld = {} } = definition;
  /** Takes the notes of the record that is being read. */
  let noteOfRecord: Note = () => {};
  const fields = Object.entries<Field<unknown>>(definition.fields).map(
    ([name, field]) => [name, field, (text: string) => noteOfRecord(`${name} ${text}`)] as const,
  );
  const read = (record: object, name: string, field: Field<unknown>, note: Note): unknown => {
    try {
      return field(Object.hasOwn(record, name) ? (record as Record<string, unknown>)[name] : undefined, note);
    } catch (error) {
      if (error instanceof FieldFault) throw new FieldFault(`${name} ${error.message}`, { cause: error });
      if (error instanceof Unfit) throw new Unfit(`${name} ${error.message}`, { cause: error });
      throw error;
    }
  };
  return {
    model,
    becomes,
    into,
    tables: [into, ...links.map((link) => link.into)],
    fields: new Set(Object.keys(definition.fields)),
    isKnownByName,
    ...(standsFor !== undefined && { standsFor }),
    notHeld,
    rows: (pk, record, vault, note) => {
      // A loop: this runs for every record of a file.
      const values: Record<string, unknown> = {};
      noteOfRecord = note;
      for (const [name, field, noteOfField] of fields) values[name] = read(record, name, field, noteOfField);
      const columns = definition.row(values as V, vault, note);
      if (links.length === 0) return { columns, links: NO_LINKS };
      const linked = links.flatMap((link) =>
        link
          .of(values as V)
          .map((member) => ({ model: link.model, into: link.into, columns: (noteLink: Note) => link.row(pk, member, noteLink) })),
      );
      return { columns, links: linked };
    },
  };
};
