/**
 * Puts the generated tables into the README, between `<!-- generated: NAME -->` and `<!-- end -->`.
 *
 * Run: node scripts/update-readme.ts
 */

import { readFileSync, writeFileSync } from "node:fs";
import { rpcTable } from "./print-rpcs.ts";
import { settingsTable } from "./print-settings.ts";

const tables: Readonly<Record<string, () => string>> = { rpcs: rpcTable, settings: settingsTable };

/** The text with its generated parts made anew. */
export const updated = (text: string): string =>
  text.replaceAll(/(<!-- generated: (\w+) [^>]*-->\n).*?(<!-- end -->)/gs, (_, head: string, name: string, tail: string) => {
    const table = tables[name];
    if (table === undefined) throw new Error(`nothing generates ${name}`);
    return `${head}\n${table()}\n${tail}`;
  });

if (import.meta.main) {
  const readme = new URL("../README.md", import.meta.url);
  writeFileSync(readme, updated(readFileSync(readme, "utf8")));
}
