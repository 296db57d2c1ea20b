import { p, raw } from "@mikro-orm/core";

/** The column of a surrogate key: a `bigint` identity. Ids that are imported from another system keep their values. */
export const id = () => p.bigint().columnType("bigint").primary().autoincrement().generated("by default as identity");

/** A column of a moment in UTC, to the millisecond, which is what a JavaScript Date can hold: reading one loses nothing. */
export const time = () => p.datetime(3);

/** A column of a moment that defaults to the start of the transaction. */
export const timeOfInsert = () => time().defaultRaw("now()");

/** A column of a moment that every change through the ORM's entity sets to the start of its statement. */
export const timeOfWrite = () => timeOfInsert().onUpdate(() => raw("statement_timestamp()"));

/** A column of text of a bounded length, which sorts by code point, whatever the locale of the database. */
export const text = (maxLength: number) => p.string().length(maxLength).collation("C");

/**
 * The column of the canonical name of a username or address (see canonical-names.ts), folded by the service, because what
 * `lower()` does to letters beyond ASCII depends on the locale of the database. Folding can make a text longer.
 */
export const canonical = () => text(600);

/** Declares an index that the ORM can't describe; `on` is what its SQL statement says after `on`. */
export const indexOn = (name: string, on: string) => ({ name, expression: `create index ${name} on ${on}` });

/** Declares a unique index that the ORM can't describe; `on` is what its SQL statement says after `on`. */
export const uniqueOn = (name: string, on: string) => ({ name, expression: `create unique index ${name} on ${on}` });
