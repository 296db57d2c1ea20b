import type { Dependencies } from "../dependencies.ts";
import type { Access } from "./access.ts";
import type { Owners } from "./owners.ts";

/** What operations that ask who may see what are made of. */
export type AccessDependencies = Dependencies & {
  readonly access: Access;
  readonly owners: Owners;
};
