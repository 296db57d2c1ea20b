import type { Dependencies } from "../dependencies.ts";
import type { Access } from "./access.ts";
import type { Owners } from "./owners.ts";

/** What operations about access depend on: `Dependencies`, the functions that compute users' scopes, and the function that finds owners. */
export type AccessDependencies = Dependencies & {
  readonly access: Access;
  readonly owners: Owners;
};
