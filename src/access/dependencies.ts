import type { Dependencies } from "../dependencies.ts";
import type { Access } from "./access.ts";
import type { Owners } from "./owners.ts";

/** The dependencies of the operations about access: those of all operations, the functions that find scopes, and the finder of owners. */
export type AccessDependencies = Dependencies & {
  readonly access: Access;
  readonly owners: Owners;
};
