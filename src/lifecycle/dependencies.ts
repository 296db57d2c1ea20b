import type { UserDependencies } from "../users/dependencies.ts";
import type { Eraser } from "./erasure/eraser.ts";

/** The dependencies of operations that merge, export and erase users. */
export type LifecycleDependencies = UserDependencies & { readonly eraser: Eraser };
