import { type RawBuilder, sql } from "kysely";
import { conditionOf } from "./condition.ts";
import type { FilterFields } from "./fields.ts";
import { parseFilter } from "./parse.ts";

/**
 * Makes the condition in SQL of a filter's text; everything meets an empty filter.
 * @throws what `parseFilter` and `conditionOf` throw.
 */
export const readFilter = (text: string, fields: FilterFields): RawBuilder<boolean> =>
  text.trim() === "" ? sql`true` : conditionOf(parseFilter(text), fields);
