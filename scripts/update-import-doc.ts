/**
 * Puts the tables that the import's readers generate into docs/import.md, between `<!-- generated: NAME -->` and `<!-- end -->`.
 *
 * Run: node scripts/update-import-doc.ts
 */

import { readFileSync, writeFileSync } from "node:fs";
import { exitCodesHelp } from "../src/cli/exit.ts";
import { idLists } from "../src/import/ids-in-values.ts";
import { readers } from "../src/import/readers/index.ts";

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
};

const parts: Readonly<Record<string, () => string>> = {
  models: () =>
    table(
      ["model", "becomes"],
      readers.map(({ model, becomes }) => [`\`${model}\``, becomes]),
    ),
  fields: () =>
    table(
      ["field", "why it is not held"],
      readers.flatMap(({ model, notHeld }) => Object.entries(notHeld).map(([field, reason]) => [`\`${model}.${field}\``, reason])),
    ),
  ids: () =>
    table(
      ["option", "model", "its value"],
      idLists.map(({ key, model, of }) => [`\`${key}\``, `\`${model}\``, `a list of ids of ${of}s`]),
    ),
  exits: () => `\`\`\`text\n${exitCodesHelp}\n\`\`\``,
};

/** The text with its generated parts made anew. */
export const updated = (text: string): string =>
  text.replaceAll(/(<!-- generated: (\w+) [^>]*-->\n).*?(<!-- end -->)/gs, (_, head: string, name: string, tail: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`nothing generates ${name}`);
    return `${head}\n${part()}\n\n${tail}`;
  });

if (import.meta.main) {
  const doc = new URL("../docs/import.md", import.meta.url);
  writeFileSync(doc, updated(readFileSync(doc, "utf8")));
}
