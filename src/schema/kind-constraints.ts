import { referenceNotFound, referredNotFound, resourceTaken } from "../contract/kinds/errors.ts";
import { hasForeignKey, type Kind, unqualified } from "../contract/kinds/kind.ts";
import { type DomainError, invalidField } from "../errors.ts";
import type { ConstraintErrors } from "./constraints.ts";
import { choiceConstraint } from "./kind.entity.ts";

type Entry = readonly [constraint: string, error: () => DomainError];

/** Makes a map from the name of a kind's unique constraint to the function that makes the error: another resource has the key already. */
export const keyErrors = (kinds: readonly Kind[]): ConstraintErrors =>
  Object.fromEntries(
    kinds.flatMap((kind) => kind.keys.map(({ name }): Entry => [`${kind.name}_${name}_key`, () => resourceTaken(kind, name)])),
  );

/** Makes a map from the name of a kind's foreign key to the function that makes the error: a field refers to something that is gone. */
export const referenceErrors = (kinds: readonly Kind[]): ConstraintErrors =>
  Object.fromEntries(
    kinds.flatMap((kind) => [
      ...kind.columns
        .filter((column) => hasForeignKey(kind, column))
        .map((column): Entry => {
          const { name } = column;
          return [`${unqualified(kind.table)}_${name}_foreign`, () => referredNotFound(kind, column, `${kind.name}.${name}`)];
        }),
      ...kind.links.map(
        ({ name, table, column }): Entry => [`${unqualified(table)}_${column}_foreign`, () => referenceNotFound(`${kind.name}.${name}`)],
      ),
    ]),
  );

/** Makes a map from the name of a constraint for a kind's choice to the function that makes the error: two fields of the choice have values. */
export const choiceErrors = (kinds: readonly Kind[]): ConstraintErrors =>
  Object.fromEntries(
    kinds.flatMap((kind) =>
      kind.choices.map((choice): Entry => {
        const [first, ...others] = choice.columns.map(({ name }) => name);
        return [
          choiceConstraint(kind.name, choice),
          () => invalidField(`${kind.name}.${first}`, `can't have a value beside ${others.join(" or ")}`),
        ];
      }),
    ),
  );
