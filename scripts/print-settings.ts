/**
 * Prints the table of settings from src/settings.ts, which is where their rules, defaults and descriptions are.
 *
 * Run: node scripts/print-settings.ts (scripts/update-reference.ts puts it into docs/reference.md)
 */

import { z } from "zod";
import { settings } from "../src/settings.ts";
import { markdownTable } from "./markdown-table.ts";

/** What a setting takes, where its description does not say. */
const takes = ({ enum: values, minimum, maximum }: z.core.JSONSchema.JSONSchema): string => {
  if (minimum !== undefined && maximum !== undefined) return `; ${minimum} to ${maximum}`;
  const words = values?.filter((value) => value !== "0" && value !== "1" && value !== "true" && value !== "false") ?? [];
  return words.length === 0 ? "" : `: ${words.map((word) => `\`${word}\``).join(", ")}`;
};

/** The table, in Markdown. */
export const settingsTable = (): string => {
  const { properties = {} } = z.toJSONSchema(settings, { io: "input", unrepresentable: "any" });
  const rows = Object.entries(properties).map(([name, schema]) => {
    if (typeof schema === "boolean") throw new Error(`${name} has no schema`);
    const byDefault = schema.default === undefined ? "" : `\`${schema.default}\``;
    return [`\`${name}\``, byDefault, `${schema.description}${takes(schema)}`];
  });
  return markdownTable(["setting", "default", "meaning"], rows);
};

if (import.meta.main) process.stdout.write(settingsTable());
