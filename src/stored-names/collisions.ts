import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import { addresses, type NameColumn, type OutdatedRow, usernames } from "./stored-names.ts";

/** Names that have to differ, but whose recomputed canonical forms are equal. `what` is the kind of name, `owners` say who has the names. */
export type Collision = { readonly what: string; readonly owners: readonly string[] };

/** A row with the form that it would have. `stored` is the form that it had when outdated ones were looked for. */
type Row = { readonly id: bigint; readonly owner: bigint; readonly stored: string; readonly form: string; readonly group: string };

const CHUNK = 5_000;

const chunks = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, index) => items.slice(index * CHUNK, (index + 1) * CHUNK));

/** The rows that would have one of the forms: those that keep it, and those that get it. */
const rowsWith = async (
  session: Session,
  { table, form, owner }: NameColumn,
  forms: readonly string[],
  outdated: ReadonlyMap<bigint, OutdatedRow>,
  { within, where }: { readonly within?: string; readonly where?: string } = {},
): Promise<Row[]> => {
  const wanted = new Set(forms);
  const getting = [...outdated.values()].filter((row) => wanted.has(String(row.form))).map(({ id }) => id);
  const group = within === undefined ? sql`''` : sql`${sql.ref(within)}::text`;
  const select = (condition: ReturnType<typeof sql>) =>
    session.rows(sql<Omit<Row, "form">>`
      select id, ${sql.ref(owner)} as owner, ${sql.ref(form)} as stored, ${group} as group from ${sql.table(table)}
      where ${condition} and ${where === undefined ? sql`true` : sql.ref(where)}`);
  const found = new Map<bigint, Row>();
  const add = (rows: Awaited<ReturnType<typeof select>>) => {
    for (const row of rows) {
      const known = outdated.get(row.id);
      // A row that was written meanwhile has the form of its name already.
      const isAsKnown = known !== undefined && (row.stored === known.stored || row.stored === known.form);
      const { stored, form } = isAsKnown ? known : { stored: row.stored, form: row.stored };
      found.set(row.id, { ...row, stored: String(stored), form: String(form) });
    }
  };
  for (const some of chunks(forms)) add(await select(sql`${sql.ref(form)} = any(${some}::text[])`));
  for (const some of chunks(getting)) add(await select(sql`id = any(${some.map(String)}::bigint[])`));
  return [...found.values()].filter((row) => wanted.has(row.form));
};

/** Makes a map from id to outdated row. */
export const byId = (rows: readonly OutdatedRow[]) => new Map(rows.map((row) => [row.id, row]));

const ownersOf = ({ aggregate }: NameColumn, rows: readonly Row[]): string[] => rows.map(({ owner }) => `${aggregate} ${owner}`);

/** Finds the collisions within one column: outdated rows whose new canonical forms a unique constraint would refuse. */
export const collisionsWithin = async (session: Session, column: NameColumn, outdated: readonly OutdatedRow[]): Promise<Collision[]> => {
  const forms = [...new Set(outdated.map(({ form }) => String(form)))];
  const collisions: Collision[] = [];
  if (forms.length === 0) return [];
  for (const rule of column.unique) {
    const rows = await rowsWith(session, column, forms, byId(outdated), rule);
    const groups = Map.groupBy(rows, ({ group, form }) => JSON.stringify([group, form]));
    for (const equal of groups.values()) {
      if (equal.length > 1) collisions.push({ what: column.what, owners: ownersOf(column, equal) });
    }
  }
  return collisions;
};

/**
 * Finds the usernames whose recomputed canonical form would equal that of another user's address (against U2 of docs/behaviours.md); `forms`
 * are the recomputed forms to look for.
 */
export const collisionsAcross = async (
  session: Session,
  forms: readonly string[],
  outdatedUsernames: ReadonlyMap<bigint, OutdatedRow>,
  outdatedAddresses: ReadonlyMap<bigint, OutdatedRow>,
): Promise<Collision[]> => {
  if (forms.length === 0) return [];
  const named = Map.groupBy(await rowsWith(session, usernames, forms, outdatedUsernames), ({ form }) => form);
  const addressed = await rowsWith(session, addresses, forms, outdatedAddresses);
  return addressed.flatMap((address) =>
    (named.get(address.form) ?? [])
      .filter(({ owner, stored }) => owner !== address.owner && stored !== address.stored)
      .map((username) => ({ what: "username that is another user's address", owners: ownersOf(usernames, [username, address]) })),
  );
};
