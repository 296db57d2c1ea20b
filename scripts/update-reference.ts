/**
 * Puts the tables that the code generates into docs/reference.md, between `<!-- generated: NAME -->` and `<!-- end -->`.
 *
 * Run: node scripts/update-reference.ts
 */

import { readFileSync, writeFileSync } from "node:fs";
import { reasonTable } from "./print-reasons.ts";
import { rpcTable } from "./print-rpcs.ts";
import { settingsTable } from "./print-settings.ts";

const tables: Readonly<Record<string, () => string>> = { reasons: reasonTable, rpcs: rpcTable, settings: settingsTable };

/** The text with its generated parts made anew. */
export const updated = (text: string): string =>
  text.replaceAll(/(<!-- generated: (\w+) [^>]*-->\n).*?(<!-- end -->)/gs, (_, head: string, name: string, tail: string) => {
    const table = tables[name];
    if (table === undefined) throw new Error(`nothing generates ${name}`);
    return `${head}\n${table()}\n${tail}`;
  });

if (import.meta.main) {
  const reference = new URL("../docs/reference.md", import.meta.url);
  writeFileSync(reference, updated(readFileSync(reference, "utf8")));
}
