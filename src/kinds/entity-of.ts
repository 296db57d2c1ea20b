import type { EntityClass } from "@mikro-orm/core";
import type { Kind } from "../contract/kinds/kind.ts";
import { kindEntities } from "../schema/entities.ts";

/** The entity of a kind, whose properties are called like the fields of its message. */
export const entityOf = ({ table }: Kind): EntityClass<Record<string, unknown>> => {
  const entity = kindEntities.get(table);
  if (entity === undefined) throw new Error(`${table} has no entity`);
  return entity.class as EntityClass<Record<string, unknown>>;
};
