import type { Dependencies } from "../dependencies.ts";
import type { Access } from "./access.ts";
import type { Owners } from "./owners.ts";

/** The dependencies of operations on access. */
export type AccessDependencies = Dependencies & {
  readonly access: Access;
  readonly owners: Owners;
};
