/**
 * Prints the table of errors' reasons from proto/userd/v1/errors.proto. What is generated from it has no comments, so the file
 * is read as text, and held against the enum.
 *
 * Run: node scripts/print-reasons.ts (scripts/update-reference.ts puts it into docs/reference.md)
 */

import { readFileSync } from "node:fs";
import { ErrorReasonSchema } from "../src/gen/userd/v1/errors_pb.ts";
import { markdownTable } from "./markdown-table.ts";

const proto = new URL("../proto/userd/v1/errors.proto", import.meta.url);

/** A comment of `//` lines, and the value that it stands above. */
const commented = /((?: {2}\/\/[^\n]*\n)+) {2}([A-Z0-9_]+) = \d+(?: \[[^\n]*\])?;/g;

/** The code stands in the comment, as the beginning of a sentence of its own. */
const codeOf = (name: string, comment: string): string => {
  const [, code] = /(?:^|\. )([A-Z]+(?:_[A-Z]+)*)(?=[.,:])/.exec(comment) ?? [];
  if (code === undefined) throw new Error(`the comment of ${name} names no status code`);
  return code;
};

/** The table, in Markdown. */
export const reasonTable = (): string => {
  const comments = new Map<string, string>();
  for (const [, comment = "", name = ""] of readFileSync(proto, "utf8").matchAll(commented)) {
    comments.set(name, comment.replaceAll(/\s*\/\/ /g, " ").trim());
  }
  const rows = ErrorReasonSchema.values
    .filter(({ number }) => number !== 0)
    .map(({ name }) => {
      const comment = comments.get(name);
      if (comment === undefined) throw new Error(`${name} has no comment`);
      const code = codeOf(name, comment);
      return [`\`${name}\``, `\`${code}\``, comment.replace(new RegExp(`(^|\\. )${code}\\.$`), "$1").trim()];
    })
    .toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return markdownTable(["reason", "code", "meaning"], rows);
};

if (import.meta.main) process.stdout.write(reasonTable());
