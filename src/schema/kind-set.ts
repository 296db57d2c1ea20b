import type { DescFile, DescService } from "@bufbuild/protobuf";
import type { EntityClass, EntitySchema } from "@mikro-orm/core";
import { families } from "../contract/kinds/families.ts";
import { type Kind, permissionsOf } from "../contract/kinds/kind.ts";
import { models } from "../contract/kinds/read.ts";
import { permissions } from "../permissions.ts";
import { type ConstraintErrors, constraintErrors } from "./constraints.ts";
import { kinds as builtinKinds, handwritten } from "./entities.ts";
import { entitiesOf, modelEntities } from "./kind.entity.ts";
import { choiceErrors, keyErrors, referenceErrors } from "./kind-constraints.ts";

/**
 * The kinds of a database, with the services, ORM entities and errors derived from the kinds. Each open database has its own set, so that one
 * process can serve several databases.
 */
export type KindSet = {
  /** The kinds without code of their own, parents before children. */
  readonly kinds: readonly Kind[];
  /** All kinds that have standard RPCs: `kinds`, and organizations, projects and teams, whose tables are written by hand. */
  readonly served: readonly Kind[];
  /** The services of families to serve. */
  readonly services: readonly DescService[];
  /** A map from the name of a kind, or of a table that holds repeated references, to its ORM entity. */
  readonly tables: ReadonlyMap<string, EntitySchema>;
  /** The ORM's entities of all tables of the database. */
  readonly entities: readonly EntitySchema[];
  /** Returns the ORM's entity of a kind, whose properties are named like the fields of its message. */
  readonly entityOf: (kind: Kind) => EntityClass<Record<string, unknown>>;
  /** The names of all permissions: userd's own, and those that mounted kinds need. */
  readonly permissions: readonly string[];
  /** The files of descriptor sets that the operator mounts, in the order of their imports. */
  readonly mounted: readonly DescFile[];
  /** The errors for violations of all constraints of the database. */
  readonly errors: ConstraintErrors;
};

/** Makes the `KindSet` of a database from its kinds, the services of the kinds' families, and the proto files of mounted kinds. */
export const createKindSet = (kinds: readonly Kind[], services: readonly DescService[], mounted: readonly DescFile[] = []): KindSet => {
  const served = [...models, ...kinds];
  const tables = entitiesOf(kinds);
  return {
    ...{ kinds, served, services, tables, mounted },
    permissions: [...new Set([...permissions, ...kinds.flatMap(permissionsOf)])],
    entities: [...handwritten, ...tables.values()] as readonly EntitySchema[],
    entityOf: ({ name }) => {
      const entity = tables.get(name)?.class ?? modelEntities[name];
      if (entity === undefined) throw new Error(`${name} has no entity`);
      return entity as EntityClass<Record<string, unknown>>;
    },
    errors: { ...constraintErrors, ...keyErrors(served), ...referenceErrors(kinds), ...choiceErrors(kinds) },
  };
};

/** The `KindSet` of the built-in kinds. */
export const builtin: KindSet = createKindSet(builtinKinds, families);
