/**
 * Puts the tables that the code generates into documents, between `<!-- generated: NAME -->` and `<!-- end -->`.
 *
 * Run: node scripts/update-reference.ts
 */

import { readFileSync, writeFileSync } from "node:fs";
import { actingTable, needsTable } from "./print-acting.ts";
import { commonReasonsTable, rpcReasonsTable } from "./print-errors.ts";
import { readsTable } from "./print-reads.ts";
import { reasonTable } from "./print-reasons.ts";
import { rpcTable } from "./print-rpcs.ts";
import { settingsTable } from "./print-settings.ts";

const tables: Readonly<Record<string, () => string>> = {
  acting: actingTable,
  commonreasons: commonReasonsTable,
  needs: needsTable,
  reads: readsTable,
  reasons: reasonTable,
  rpcreasons: rpcReasonsTable,
  rpcs: rpcTable,
  settings: settingsTable,
};

/** The documents that have such tables, and how many. */
export const documents: Readonly<Record<string, number>> = { "docs/reference.md": 5, "docs/consistency.md": 1, "docs/access.md": 2 };

/** The text with its generated parts made anew. */
export const updated = (text: string): string =>
  text.replaceAll(/(<!-- generated: (\w+) [^>]*-->\n).*?(<!-- end -->)/gs, (_, head: string, name: string, tail: string) => {
    const table = tables[name];
    if (table === undefined) throw new Error(`nothing generates ${name}`);
    return `${head}\n${table()}\n${tail}`;
  });

if (import.meta.main) {
  for (const path of Object.keys(documents)) {
    const url = new URL(`../${path}`, import.meta.url);
    writeFileSync(url, updated(readFileSync(url, "utf8")));
  }
}
