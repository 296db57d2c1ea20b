import type { Vault } from "../secrets.ts";
import { FieldFault, Unfit } from "./fault.ts";
import type { Field } from "./fields.ts";
import type { StagedRow, StagingTable } from "./staging.ts";

/** How the records of one model become rows of one staging table. */
export type Reader = {
  /** The model's name in exports: `sentry.user`. */
  readonly model: string;
  readonly into: StagingTable;
  /** The fields that are read; others are counted and left. */
  readonly fields: ReadonlySet<string>;
  /**
   * The columns of a record; the vault is for what is not to lie in the open, not even in a staging table.
   * @throws FieldFault or Unfit, with the name of the field in front when it is about one.
   */
  readonly columns: (fields: object, vault: Vault) => StagedRow;
};

/** Makes a reader: `row` maps what the fields hold to the columns of the staging table. */
export const defineReader = <V extends object>(definition: {
  readonly model: string;
  readonly into: StagingTable;
  readonly fields: { readonly [K in keyof V]: Field<V[K]> };
  readonly row: (values: V, vault: Vault) => StagedRow;
}): Reader => {
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
    model: definition.model,
    into: definition.into,
    fields: new Set(Object.keys(definition.fields)),
    columns: (record, vault) =>
      definition.row(Object.fromEntries(fields.map(([name, field]) => [name, read(record, name, field)])) as V, vault),
  };
};
