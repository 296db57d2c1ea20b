import { hash } from "node:crypto";
import { type StagingTable, TEXT } from "./staging.ts";

/** The staging table of the file's keys that can't be ids; the pk of each row is the number that stands for the key. */
export const keys = { name: "import_key", columns: { key: TEXT } } as const satisfies StagingTable;

/**
 * Staging tables hold keys as integers of 64 bits. What is none, or too large for an id, has a number that stands for it: below
 * all ids, the same in every import, and of 60 bits of its hash, so that two keys of a file don't meet. Each sort has a range of
 * its own.
 */
const RANGE = 2n ** 60n;
const FIRST_LARGE = -5n * RANGE;
const FIRST_UUID = -4n * RANGE;
const FIRST_TEXT = -3n * RANGE;
const FIRST_NAME = -2n * RANGE;

/** Integers that are to get new ids: so far below, in the same order. */
const SHIFT = 2n ** 63n;

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

const within = (first: bigint, text: string): bigint => first + (hash("sha256", text, "buffer").readBigUInt64BE(0) & (RANGE - 1n));

/** Computes the number that stands for a key that is no integer. */
export const standInOf = (key: string): bigint => within(UUID.test(key) ? FIRST_UUID : FIRST_TEXT, key);

/** Computes the number that stands for an integer that is too large for an id: from it on, no further id could be given out. */
export const standInOfLarge = (key: bigint): bigint => within(FIRST_LARGE, String(key));

/** The number that stands for the name of a record without a key. */
export const standInOfName = (name: string): bigint => within(FIRST_NAME, name);

/** Tells whether a number stands for an integer that is too large. */
export const isLarge = (pk: bigint): boolean => pk >= FIRST_LARGE && pk < FIRST_UUID;

/** Tells whether a number stands for a key that can be no id. */
export const isStandIn = (pk: bigint): boolean => pk < FIRST_NAME;

/** The condition in SQL that a column holds a number that stands for a key or a name, and no id. */
export const sqlIsStandIn = (column: string): string => `${column} < ${FIRST_NAME + RANGE}`;

/**
 * The condition in SQL that a column holds the number of a UUID. A UUID is unique wherever it was made, unlike the `7` of two
 * installations.
 */
export const sqlIsUuid = (column: string): string => `${column} between ${FIRST_UUID} and ${FIRST_TEXT - 1n}`;

/** The condition in SQL that a record, whose pk is in the column, has a key and not only a name. */
export const sqlHasKey = (column: string): string => `(${column} < ${FIRST_NAME} or ${column} > 0)`;

/**
 * Computes the number that stands for an integer key that `--ids new` replaces: it is below all ids, and keeps the order of the
 * keys. Numbers that stand for other keys are returned as they are.
 */
export const shifted = (pk: bigint): bigint => (pk > 0n ? pk - SHIFT : pk);

/** The expression in SQL that computes `shifted` of a column with positive keys. */
export const sqlShifted = (column: string): string => `${column} - 9223372036854775807 - 1`;

/** The expression in SQL for the key as the file has it, as text, of a column with staged pks. */
export const sqlKey = (column: string): string =>
  `case when ${column} < ${FIRST_LARGE} then (${column} + 9223372036854775807 + 1)::text
    else coalesce((select k.key from ${keys.name} k where k.pk = ${column} limit 1), ${column}::text) end`;

/** Numbers that stand for keys, in text: no other ones have 19 digits and a sign. */
export const STAND_IN = /-\d{19}(?!\d)/g;
