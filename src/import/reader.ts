import type { Vault } from "../secrets.ts";
import { FieldFault, Unfit } from "./fault.ts";
import type { Field } from "./fields.ts";
import type { StagedRow, StagingTable } from "./staging.ts";

/** A member of a many-to-many field: a row of its own, counted under a name of its own (`auth.user.groups`). */
export type LinkRow = { readonly model: string; readonly into: StagingTable; readonly columns: () => StagedRow };

/** A many-to-many field of the records of a model. */
type Links<V> = {
  readonly model: string;
  readonly into: StagingTable;
  readonly of: (values: V) => readonly unknown[];
  readonly row: (pk: bigint, member: unknown) => StagedRow;
};

/** What a record becomes: its own row, and one for each member of its many-to-many fields. */
type Rows = { readonly columns: StagedRow; readonly links: readonly LinkRow[] };

/** How the records of one model become rows of staging tables: one each, and one for each of its links. */
export type Reader = {
  /** The model's name in exports: `sentry.user`. */
  readonly model: string;
  /** What a record becomes here, without a full stop: docs/import.md says it in its table. */
  readonly becomes: string;
  readonly into: StagingTable;
  /** All that its rows go into. */
  readonly tables: readonly StagingTable[];
  /** The fields that are read; others are counted and left. */
  readonly fields: ReadonlySet<string>;
  /** Why known fields are left → the reason. */
  readonly notHeld: Readonly<Record<string, string>>;
  /** Its records may have no pk: a step gives them one. */
  readonly isKeyless?: true;
  /**
   * The rows of a record; the vault is for what is not to lie in the open, not even in a staging table.
   * @throws FieldFault or Unfit, with the name of the field in front when it is about one.
   */
  readonly rows: (pk: bigint, fields: object, vault: Vault) => Rows;
};

/** Makes a reader: `row` maps what the fields hold to the columns of the staging table. */
export const defineReader = <V extends object>(definition: {
  readonly model: string;
  readonly becomes: string;
  readonly into: StagingTable;
  readonly fields: { readonly [K in keyof V]: Field<V[K]> };
  readonly row: (values: V, vault: Vault) => StagedRow;
  readonly links?: readonly Links<V>[];
  readonly notHeld?: Readonly<Record<string, string>>;
}): Reader => {
  const { model, becomes, into, links = [], notHeld = {} } = definition;
  const fields = Object.entries<Field<unknown>>(definition.fields);
  const read = (record: object, name: string, field: Field<unknown>): unknown => {
    try {
      return field(Object.hasOwn(record, name) ? (record as Record<string, unknown>)[name] : undefined);
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
    notHeld,
    rows: (pk, record, vault) => {
      const values = Object.fromEntries(fields.map(([name, field]) => [name, read(record, name, field)])) as V;
      const columns = definition.row(values, vault);
      const linked = links.flatMap((link) =>
        link.of(values).map((member) => ({ model: link.model, into: link.into, columns: () => link.row(pk, member) })),
      );
      return { columns, links: linked };
    },
  };
};
