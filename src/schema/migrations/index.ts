import { Initial } from "./20261128000000-initial.ts";
import { Lifecycle } from "./20261129175403-lifecycle.ts";

/** All migrations, oldest first. They are listed here, not found by a glob, so that sources and build have the same list. */
export const migrations = [
  { name: "20261128000000-initial", class: Initial },
  { name: "20261129175403-lifecycle", class: Lifecycle },
];
