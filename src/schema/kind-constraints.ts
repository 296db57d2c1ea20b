import { referenceNotFound, referredNotFound, resourceTaken } from "../contract/kinds/errors.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { DomainError } from "../errors.ts";

type Entry = readonly [constraint: string, error: () => DomainError];

/** The domain errors that constraints of keys stand for: another resource has it. */
export const keyErrors = (kinds: readonly Kind[]): Readonly<Record<string, () => DomainError>> =>
  Object.fromEntries(
    kinds.flatMap((kind) => kind.keys.map(({ name }): Entry => [`${kind.table}_${name}_key`, () => resourceTaken(kind, name)])),
  );

/** The domain errors that foreign keys stand for: what a field names went meanwhile. */
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
