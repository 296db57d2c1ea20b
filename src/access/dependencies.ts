import type { Dependencies } from "../dependencies.ts";
import type { Access } from "./access.ts";
import type { Owners } from "./owners.ts";

/** The parts that operations are made of when they ask who may see what. */
export type AccessDependencies = Dependencies & {
  readonly access: Access;
  readonly owners: Owners;
};
