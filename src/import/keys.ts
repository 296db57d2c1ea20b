import { hash } from "node:crypto";
import { type StagingTable, TEXT } from "./staging.ts";

/** The staging table of keys that can't be ids, such as UUIDs. The pk of each row is the stand-in of the key. */
export const keys = { name: "import_key", columns: { key: TEXT } } as const satisfies StagingTable;

/**
 * Staged keys are integers of 64 bits. A number stands for a key that can't be an id: below all ids, the same in every import, and with
 * 60 bits of the key's hash, so that two keys of a file don't meet. Each sort of key has a range of its own.
 */
const RANGE = 2n ** 60n;
const FIRST_LARGE = -5n * RANGE;
const FIRST_UUID = -4n * RANGE;
const FIRST_TEXT = -3n * RANGE;
const FIRST_NAME = -2n * RANGE;

const SHIFT = 2n ** 63n;

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

const within = (first: bigint, text: string): bigint => first + (hash("sha256", text, "buffer").readBigUInt64BE(0) & (RANGE - 1n));

/** Computes the stand-in of a key that is no integer: a UUID or other text. */
export const standInOf = (key: string): bigint => within(UUID.test(key) ? FIRST_UUID : FIRST_TEXT, key);

/** Computes the stand-in of an integer key of 2^53 or more, which is too large for an id. */
export const standInOfLarge = (key: bigint): bigint => within(FIRST_LARGE, String(key));

/** Computes the stand-in of a record without a key, from the name of the record. */
export const standInOfName = (name: string): bigint => within(FIRST_NAME, name);

/** Tells whether `pk` is the stand-in of an integer key of 2^53 or more. */
export const isLarge = (pk: bigint): boolean => pk >= FIRST_LARGE && pk < FIRST_UUID;

/** Tells whether `pk` is the stand-in of a key; false for an id, and for the stand-in of the name of a record that has no key. */
export const isStandIn = (pk: bigint): boolean => pk < FIRST_NAME;

/** Returns the SQL condition that a column holds a stand-in, be it of a key or of a name. */
export const sqlIsStandIn = (column: string): string => `${column} < ${FIRST_NAME + RANGE}`;

/** Returns the SQL condition that a column holds the stand-in of a UUID. Unlike the key `7`, a UUID is unique in all installations. */
export const sqlIsUuid = (column: string): string => `${column} between ${FIRST_UUID} and ${FIRST_TEXT - 1n}`;

/** Returns the SQL condition that a record has a key in the file, and not only a name; `column` has the pk of the record in a staging table. */
export const sqlHasKey = (column: string): string => `(${column} < ${FIRST_NAME} or ${column} > 0)`;

/** Computes, for `--ids new`, the stand-in of an integer key: below all ids, and in the order of the keys. Returns a stand-in as it is. */
export const shifted = (pk: bigint): bigint => (pk > 0n ? pk - SHIFT : pk);

/** Returns the SQL expression that computes `shifted` of a column with positive keys. */
export const sqlShifted = (column: string): string => `${column} - 9223372036854775807 - 1`;

/** Returns the SQL expression that turns a column with the pks of a staging table into the keys in the file, as text. */
export const sqlKey = (column: string): string =>
  `case when ${column} < ${FIRST_LARGE} then (${column} + 9223372036854775807 + 1)::text
    else coalesce((select k.key from ${keys.name} k where k.pk = ${column} limit 1), ${column}::text) end`;

/** Matches the stand-ins in the JSON of a report, where no other number has a minus sign and 19 digits. */
export const STAND_IN = /-\d{19}(?!\d)/g;
