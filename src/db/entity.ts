import { isDeepStrictEqual } from "node:util";
import type { EntityClass, EntityData } from "@mikro-orm/core";
import type { Tx } from "./write.ts";

/** Updates a row that a statement has loaded, and returns the row's entity. Only the values in `changes` that differ from `row` are written. */
export const changeEntity = async <E extends object>(tx: Tx, entity: EntityClass<E>, row: object, changes: EntityData<E>): Promise<E> => {
  const found = tx.em().map(entity, row as never);
  const stored = new Map<string, unknown>(Object.entries(found));
  // The ORM compares JSON as text, and PostgreSQL keeps the members of objects in an order of its own.
  const differing = Object.entries(changes).filter(([name, value]) => !isDeepStrictEqual(stored.get(name), value));
  Object.assign(found, Object.fromEntries(differing));
  await tx.em().flush();
  return found;
};
