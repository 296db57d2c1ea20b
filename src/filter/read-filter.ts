import type { RawBuilder } from "kysely";
import { LRUCache } from "lru-cache";
import { conditionOf } from "./condition.ts";
import type { FilterFields } from "./fields.ts";
import { parseFilter } from "./parse.ts";
import { always, type Condition, toSql } from "./tree.ts";

/** The most characters of filters that are remembered of each thing that is listed: what is made of them takes some ten times more. */
const MAX_REMEMBERED = 64 * 1024;

/** A function that makes what a filter's text stands for; everything meets an empty filter. */
export type FilterReader<T> = (text: string) => T;

/** Makes the function that reads filters on these fields. It caches the conditions of the latest filters. */
export const createConditionReader = (fields: FilterFields): FilterReader<Condition> => {
  const conditions = new LRUCache<string, Condition>({ maxSize: MAX_REMEMBERED, sizeCalculation: (_, text) => text.length });
  return (text) => {
    if (text.trim() === "") return always;
    const known = conditions.get(text);
    if (known !== undefined) return known;
    const condition = conditionOf(parseFilter(text), fields);
    conditions.set(text, condition);
    return condition;
  };
};

/** Makes the function that reads filters on these fields as conditions in SQL, for lists in which no index has to serve them. */
export const createFilterReader = (fields: FilterFields): FilterReader<RawBuilder<boolean>> => {
  const read = createConditionReader(fields);
  return (text) => toSql(read(text));
};
