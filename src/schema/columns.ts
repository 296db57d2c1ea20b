import { p, raw } from "@mikro-orm/core";

/** Makes the column of a surrogate key: a `bigint` that the database generates, unless the insert gives an id, as imports do. */
export const id = () => p.bigint().columnType("bigint").primary().autoincrement().generated("by default as identity");

/** Makes a column for a moment in UTC, to the millisecond, so that it fits into a JavaScript Date. */
export const time = () => p.datetime(3);

/** Makes a column for a moment that defaults to the start of the transaction. */
export const timeOfInsert = () => time().defaultRaw("now()");

/** Makes a column for the time of the last write. An insert stores the start of the transaction, an update by the ORM that of the statement. */
export const timeOfWrite = () => timeOfInsert().onUpdate(() => raw("statement_timestamp()"));

/** Makes a column for text of at most `maxLength` characters, which sorts by code point, whatever the locale of the database. */
export const text = (maxLength: number) => p.string().length(maxLength).collation("C");

/** Makes a column for a canonical form, which the service makes (names/canonical.ts). It can be longer than the text it is made of. */
export const canonical = () => text(600);

/** Declares an index that the ORM can't describe; `on` is what follows `on` in the statement `create index name on …`. */
export const indexOn = (name: string, on: string) => ({ name, expression: `create index ${name} on ${on}` });

/** Declares a unique index that the ORM can't describe; `on` is what follows `on` in the statement `create unique index name on …`. */
export const uniqueOn = (name: string, on: string) => ({ name, expression: `create unique index ${name} on ${on}` });
