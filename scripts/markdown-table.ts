/** A table in Markdown, its columns padded as the formatter pads them. */
export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], padding = " ") =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, padding)).join(" | ")} |\n`;
  const rule = head.map(() => "");
  return [line(head), line(rule, "-"), ...rows.map((row) => line(row))].join("");
};
