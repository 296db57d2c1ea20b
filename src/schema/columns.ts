import { p, raw } from "@mikro-orm/core";

/** A surrogate key: `bigint` identity. Ids imported from another system keep their value. */
export const id = () => p.bigint().columnType("bigint").primary().autoincrement().generated("by default as identity");

/** A moment in UTC, to the millisecond: what a JavaScript Date can hold, so that nothing is lost on the way back. */
export const time = () => p.datetime(3);

/** A moment that defaults to the start of the transaction. */
export const timeOfInsert = () => time().defaultRaw("now()");

/** A moment that every change through the entity moves to the start of its statement. */
export const timeOfWrite = () => timeOfInsert().onUpdate(() => raw("statement_timestamp()"));

/** Text of a bounded length that sorts by code point, whatever the locale of the database. */
export const text = (maxLength: number) => p.string().length(maxLength).collation("C");

/**
 * The canonical name of a username or address (see canonical-names.ts): a column of its own, folded by the service, because what
 * `lower()` does to letters beyond ASCII depends on the locale of the database. Folding can make a text longer.
 */
export const canonical = () => text(600);

/** An index that the ORM has no words for, by what its statement says after `on`. */
export const indexOn = (name: string, on: string) => ({ name, expression: `create index ${name} on ${on}` });

/** A unique index that the ORM has no words for. */
export const uniqueOn = (name: string, on: string) => ({ name, expression: `create unique index ${name} on ${on}` });
