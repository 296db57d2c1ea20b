import { referenceNotFound, referredNotFound, resourceTaken } from "../contract/kinds/errors.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { DomainError } from "../errors.ts";

type Entry = readonly [constraint: string, error: () => DomainError];

/** Returns the errors for keys of kinds that another resource has, as a map from unique constraint to a function that makes it. */
export const keyErrors = (kinds: readonly Kind[]): Readonly<Record<string, () => DomainError>> =>
  Object.fromEntries(
    kinds.flatMap((kind) => kind.keys.map(({ name }): Entry => [`${kind.table}_${name}_key`, () => resourceTaken(kind, name)])),
  );

/** Returns the errors for references of kinds to what was removed meanwhile, as a map from foreign key to a function that makes it. */
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
