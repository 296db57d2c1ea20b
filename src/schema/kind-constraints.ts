import { referenceNotFound, resourceTaken } from "../contract/kinds/errors.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { DomainError } from "../errors.ts";

/** The domain errors that constraints of kinds stand for: a key is taken, or what a field names went meanwhile. */
export const kindConstraintErrors = (kinds: readonly Kind[]): Readonly<Record<string, () => DomainError>> =>
  Object.fromEntries(
    kinds.flatMap((kind): [string, () => DomainError][] => [
      ...kind.keys.map(({ name }): [string, () => DomainError] => [`${kind.table}_${name}_key`, () => resourceTaken(kind, name)]),
      ...kind.columns
        .filter(({ reference }) => reference !== undefined)
        .map(({ name }): [string, () => DomainError] => [`${kind.table}_${name}_foreign`, () => referenceNotFound(`${kind.name}.${name}`)]),
      ...kind.links.map(({ name, table, column }): [string, () => DomainError] => [
        `${table}_${column}_foreign`,
        () => referenceNotFound(`${kind.name}.${name}`),
      ]),
    ]),
  );
