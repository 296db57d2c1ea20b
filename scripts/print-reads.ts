/**
 * Prints which RPCs read from where, from what proto/ declares.
 *
 * Run: node scripts/print-reads.ts (scripts/update-reference.ts puts it into docs/consistency.md)
 */

import { readsOf } from "../src/contract/reads.ts";
import { Reads } from "../src/gen/userd/v1/options_pb.ts";
import { builtin } from "../src/schema/kind-set.ts";
import type { AllDependencies } from "../src/services/dependencies.ts";
import { createRoutes } from "../src/services/routes.ts";
import { markdownTable } from "./markdown-table.ts";

/** What answers come from, in the order of the table. */
const origins: readonly (readonly [Reads, string])[] = [
  [Reads.CACHE, "the cache"],
  [Reads.CACHE_AND_DATABASE, "the cache for a part, such as who may see what, the database for the rest"],
  [Reads.DATABASE, "the database"],
  [Reads.MEMORY, "the memory of the service"],
];

/** The table, in Markdown. */
export const readsTable = (): string => {
  const methods = createRoutes({ db: { kinds: builtin } } as AllDependencies).flatMap(({ service }) => service.methods);
  const namesOf = (origin: Reads) => methods.filter((method) => readsOf(method) === origin).map(({ name }) => `\`${name}\``);
  return markdownTable(
    ["reads", "RPCs"],
    origins.map(([origin, text]) => [text, namesOf(origin).join(", ")]),
  );
};

if (import.meta.main) process.stdout.write(readsTable());
