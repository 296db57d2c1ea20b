import { referenceNotFound, referredNotFound, resourceTaken } from "../contract/kinds/errors.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { DomainError } from "../errors.ts";

type Entry = readonly [constraint: string, error: () => DomainError];

/** Makes a map from unique constraint of a kind's table to the function that makes its error: another resource has the key already. */
export const keyErrors = (kinds: readonly Kind[]): Readonly<Record<string, () => DomainError>> =>
  Object.fromEntries(
    kinds.flatMap((kind) => kind.keys.map(({ name }): Entry => [`${kind.table}_${name}_key`, () => resourceTaken(kind, name)])),
  );

/** Makes a map from foreign key of a kind's table to the function that makes its error: what a field refers to was removed meanwhile. */
export const referenceErrors = (kinds: readonly Kind[]): Readonly<Record<string, () => DomainError>> =>
  Object.fromEntries(
    kinds.flatMap((kind) => [
      ...kind.columns
        .filter(({ reference }) => reference !== undefined)
        .map((column): Entry => {
          const { name } = column;
          return [`${kind.table}_${name}_foreign`, () => referredNotFound(kind, column, `${kind.name}.${name}`)];
        }),
      ...kind.links.map(
        ({ name, table, column }): Entry => [`${table}_${column}_foreign`, () => referenceNotFound(`${kind.name}.${name}`)],
      ),
    ]),
  );
