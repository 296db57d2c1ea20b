import type { Note } from "./faults.ts";
import type { Kind } from "./kind.ts";

/** The kinds that a kind refers to, each with the field that does so. */
const referredBy = ({ columns, links }: Kind, kinds: readonly Kind[]) =>
  [
    ...columns.map(({ field, reference }) => ({ field, name: reference?.to.name })),
    ...links.map(({ field, to }) => ({ field, name: to.name })),
  ]
    .map(({ field, name }) => ({ field, to: kinds.find((kind) => kind.name === name) }))
    .filter((one) => one.to !== undefined);

/**
 * Sorts kinds so that each refers to earlier ones only: tables can be created in this order, and no purge runs in a circle. Notes, as a fault,
 * each field whose reference leads back to its own kind.
 */
export const inOrder = (kinds: readonly Kind[], note: Note): readonly Kind[] => {
  const ordered = new Set<Kind>();
  const visit = (kind: Kind, path: readonly Kind[]): void => {
    if (ordered.has(kind)) return;
    const here = [...path, kind];
    for (const { field, to } of referredBy(kind, kinds)) {
      if (to === undefined) continue;
      if (here.includes(to)) note(field, "is in a cycle of references");
      else visit(to, here);
    }
    ordered.add(kind);
  };
  for (const kind of kinds.toSorted((a, b) => a.ancestors.length - b.ancestors.length)) visit(kind, []);
  return [...ordered];
};
