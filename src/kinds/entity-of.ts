import type { EntityClass } from "@mikro-orm/core";
import type { Kind } from "../contract/kinds/kind.ts";
import { kindEntities } from "../schema/entities.ts";
import { modelEntities } from "../schema/kind.entity.ts";

/** Returns the ORM's entity of a kind, whose properties are named like the fields of its message. */
export const entityOf = ({ name, table }: Kind): EntityClass<Record<string, unknown>> => {
  const entity = kindEntities.get(table)?.class ?? modelEntities[name];
  if (entity === undefined) throw new Error(`${table} has no entity`);
  return entity as EntityClass<Record<string, unknown>>;
};
