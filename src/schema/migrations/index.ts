import { Initial } from "./20261128000000-initial.ts";

/** All migrations, oldest first. Listed, not found by a glob: the list is the same in the sources and in the build. */
export const migrations = [{ name: "20261128000000-initial", class: Initial }];
