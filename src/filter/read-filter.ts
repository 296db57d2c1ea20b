import { type RawBuilder, sql } from "kysely";
import { LRUCache } from "lru-cache";
import { conditionOf } from "./condition.ts";
import type { FilterFields } from "./fields.ts";
import { parseFilter } from "./parse.ts";

/** The most characters of filters that are remembered of each thing that is listed: what is made of them takes some ten times more. */
const MAX_REMEMBERED = 64 * 1024;

/** A function that makes the condition in SQL of a filter's text; everything meets an empty filter. */
export type FilterReader = (text: string) => RawBuilder<boolean>;

/** Makes the function that reads filters on these fields. It caches the conditions of the latest filters. */
export const createFilterReader = (fields: FilterFields): FilterReader => {
  const conditions = new LRUCache<string, RawBuilder<boolean>>({ maxSize: MAX_REMEMBERED, sizeCalculation: (_, text) => text.length });
  return (text) => {
    if (text.trim() === "") return sql`true`;
    const known = conditions.get(text);
    if (known !== undefined) return known;
    const condition = conditionOf(parseFilter(text), fields);
    conditions.set(text, condition);
    return condition;
  };
};
