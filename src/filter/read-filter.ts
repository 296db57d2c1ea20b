import { LRUCache } from "lru-cache";
import { conditionOf } from "./condition.ts";
import type { FilterFields } from "./fields.ts";
import { parseFilter } from "./parse.ts";
import { always, type Condition } from "./tree.ts";

/** The most characters of filters that are remembered of each thing that is listed: what is made of them takes some ten times more. */
const MAX_REMEMBERED = 64 * 1024;

/**
 * Reads a filter's text as a condition on `fields`; every row meets an empty filter.
 * @throws what `parseFilter` and `conditionOf` throw.
 */
export const readFilter = (text: string, fields: FilterFields): Condition =>
  text.trim() === "" ? always : conditionOf(parseFilter(text), fields);

/** Makes the function that reads filters on `fields`, and that caches the conditions of the latest filters. */
export const createConditionReader = (fields: FilterFields): ((text: string) => Condition) => {
  const conditions = new LRUCache<string, Condition>({ maxSize: MAX_REMEMBERED, sizeCalculation: (_, text) => text.length });
  return (text) => {
    const known = conditions.get(text);
    if (known !== undefined) return known;
    const condition = readFilter(text, fields);
    // An empty text has no size, and nothing to remember.
    if (text !== "") conditions.set(text, condition);
    return condition;
  };
};
