import { sql } from "kysely";
import { moveCanonicalNames } from "../db/canonical-names.ts";
import { inTransaction } from "../db/in-transaction.ts";
import type { Database } from "../db/orm.ts";
import type { Session } from "../db/session.ts";
import { byId, type Collision, collisionsAcross, collisionsWithin } from "./collisions.ts";
import { addresses, type NameColumn, nameColumns, type OutdatedRow, outdatedRows, usernames } from "./stored-names.ts";

/** The rows whose canonical form is outdated, as a map keyed by column, and the collisions that recomputed forms would cause. */
export type Findings = {
  readonly outdated: ReadonlyMap<NameColumn, readonly OutdatedRow[]>;
  readonly collisions: readonly Collision[];
};

/** A function that finds the usernames, among some rows, that would become another user's address. */
type Across = (session: Session, rows: readonly OutdatedRow[]) => Promise<Collision[]>;

const across = (outdated: Findings["outdated"]): Across => {
  const [ofUsernames, ofAddresses] = [byId(outdated.get(usernames) ?? []), byId(outdated.get(addresses) ?? [])];
  return (session, rows) => collisionsAcross(session, [...new Set(rows.map(({ form }) => String(form)))], ofUsernames, ofAddresses);
};

/** Finds the rows whose canonical form is outdated, and the collisions that recomputed forms would cause. Writes nothing. */
export const findOutdated = async (db: Database): Promise<Findings> => {
  const outdated = new Map<NameColumn, readonly OutdatedRow[]>();
  for (const column of nameColumns) outdated.set(column, await outdatedRows(db, column));
  const collisions: Collision[] = [];
  const session = db.session();
  for (const [column, rows] of outdated) collisions.push(...(await collisionsWithin(session, column, rows)));
  collisions.push(
    ...(await across(outdated)(
      session,
      [usernames, addresses].flatMap((column) => outdated.get(column) ?? []),
    )),
  );
  return { outdated, collisions };
};

/** The most rows of one transaction, which locks as many users. */
const BATCH = 500;

const UNIQUE_VIOLATION = "23505";

/** An error: a username would become another user's address, which no constraint of the database refuses. */
class Taken extends Error {
  override readonly name = "Taken";
}

/**
 * Writes the forms of some rows, as every write does: it locks aggregates in ascending order, then canonical names, and triggers raise the
 * versions. It leaves out a row that was written meanwhile, which has its form already.
 */
const writeForms = (db: Database, column: NameColumn, rows: readonly OutdatedRow[], taken: Across): Promise<number> =>
  inTransaction(db, "userd names apply", async (tx) => {
    const { table, spelling, form, aggregate, isName } = column;
    await tx.rows(sql`select from aggregate_version where kind = ${aggregate} and id = any(${rows.map(({ owner }) => String(owner))}::bigint[])
      order by kind, id for update`);
    if (isName) {
      const canonicalNames = rows.flatMap((row) => [String(row.stored), String(row.form)]);
      await moveCanonicalNames(tx, new Set(canonicalNames));
    }
    // Others may have come since the check. From here to the commit nobody takes these names.
    if ((column === usernames || column === addresses) && (await taken(tx, rows)).length > 0) throw new Taken();
    const isList = rows.some((row) => typeof row.form !== "string");
    const read = (field: string) =>
      isList ? sql`array(select jsonb_array_elements_text(${sql.raw(`m->'${field}'`)}))` : sql`${sql.raw(`m->>'${field}'`)}`;
    const changes = rows.map(({ id, owner, ...names }) => ({ id: String(id), ...names }));
    return tx.affected(sql`
      update ${sql.table(table)} t set ${sql.ref(form)} = ${read("form")}
      from jsonb_array_elements(${JSON.stringify(changes)}::jsonb) as moved (m)
      where t.id = (m->>'id')::bigint and ${sql.ref(`t.${spelling}`)} = ${read("spelling")}
        and ${sql.ref(`t.${form}`)} = ${read("stored")}`);
  });

const isTaken = (error: unknown): boolean =>
  error instanceof Taken || (error instanceof Error && (error as { readonly code?: string }).code === UNIQUE_VIOLATION);

/**
 * Writes the forms of one column in batches; one that another row has to give up first comes after it. Returns how many rows were written,
 * and how many were not, since their names were taken meanwhile.
 */
const applyTo = async (db: Database, column: NameColumn, rows: readonly OutdatedRow[], taken: Across) => {
  let written = 0;
  let size = BATCH;
  let left = [...rows];
  while (left.length > 0) {
    const refused: OutdatedRow[] = [];
    for (let at = 0; at < left.length; at += size) {
      const batch = left.slice(at, at + size);
      try {
        written += await writeForms(db, column, batch, taken);
      } catch (error) {
        if (!isTaken(error)) throw error;
        refused.push(...batch);
      }
    }
    if (refused.length === left.length && size === 1) break;
    // One by one: of a batch that was refused most rows can be written.
    size = 1;
    left = refused;
  }
  return { written, refused: left.length };
};

/**
 * Writes the recomputed canonical forms of outdated rows. Returns for each column how many rows were written, and how many were refused
 * because another row has the same form.
 */
export const applyForms = async (db: Database, { outdated }: Findings) => {
  const taken = across(outdated);
  const results = new Map<NameColumn, { readonly written: number; readonly refused: number }>();
  for (const [column, rows] of outdated) results.set(column, await applyTo(db, column, rows, taken));
  return results;
};
