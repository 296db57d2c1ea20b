import { hash } from "node:crypto";
import { type StagingTable, TEXT } from "./staging.ts";

/** The keys of a file that can be no ids, by the numbers that stand for them. */
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

/** The number that stands for a key that is no integer. */
export const standInOf = (key: string): bigint => within(UUID.test(key) ? FIRST_UUID : FIRST_TEXT, key);

/** The number that stands for an integer from which on no further id could be given out. */
export const standInOfLarge = (key: bigint): bigint => within(FIRST_LARGE, String(key));

/** The number that stands for the name of a record without a key. */
export const standInOfName = (name: string): bigint => within(FIRST_NAME, name);

/** Tells whether a number stands for an integer that is too large. */
export const isLarge = (pk: bigint): boolean => pk >= FIRST_LARGE && pk < FIRST_UUID;

/** Tells whether a number stands for a key that can be no id. */
export const isStandIn = (pk: bigint): boolean => pk < FIRST_NAME;

/** The condition that a column holds no id, but what stands for a key or a name. */
export const sqlIsStandIn = (column: string): string => `${column} < ${FIRST_NAME + RANGE}`;

/** The condition that a column stands for a UUID, which is unique wherever it was made, unlike the `7` of two installations. */
export const sqlIsUuid = (column: string): string => `${column} between ${FIRST_UUID} and ${FIRST_TEXT - 1n}`;

/** The condition that a record has a key, and not only a name. */
export const sqlHasKey = (column: string): string => `(${column} < ${FIRST_NAME} or ${column} > 0)`;

/** An integer of the file that is to become another id. */
export const shifted = (pk: bigint): bigint => (pk > 0n ? pk - SHIFT : pk);

/** The same in SQL. */
export const sqlShifted = (column: string): string => `${column} - 9223372036854775807 - 1`;

/** The key as the file has it. */
export const sqlKey = (column: string): string =>
  `case when ${column} < ${FIRST_LARGE} then (${column} + 9223372036854775807 + 1)::text
    else coalesce((select k.key from ${keys.name} k where k.pk = ${column} limit 1), ${column}::text) end`;

/** Numbers that stand for keys, in text: no other ones have 19 digits and a sign. */
export const STAND_IN = /-\d{19}(?!\d)/g;
